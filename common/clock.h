/* Time: decisions use the monotonic clock, people read the wall clock. */
#ifndef LT_COMMON_CLOCK_H
#define LT_COMMON_CLOCK_H

#include <stdint.h>

uint64_t lt_now_ms(void);                       /* CLOCK_MONOTONIC */
uint64_t lt_now_us(void);
uint64_t lt_wall_ms(void);                      /* since 1970, UTC */
const char *lt_wall_text(uint64_t wall_ms, char out[32]); /* 2026-01-31T12:34:56.789Z; returns out */

#endif
