/* Events per second over the last half minute, from one bucket per second. Zeroed memory is a rate
 * that has seen nothing. */
#ifndef LT_COORDINATOR_CORE_RATE_H
#define LT_COORDINATOR_CORE_RATE_H

#include <stdint.h>

#define LT_RATE_SECONDS 30

typedef struct lt_rate {
    uint64_t first_second; /* of the first event, + 1; 0: none yet */
    uint64_t second;       /* of the newest bucket */
    uint32_t counts[LT_RATE_SECONDS];
} lt_rate;

void lt_rate_add(lt_rate *rate, uint64_t now_ms, uint32_t count);
double lt_rate_per_second(const lt_rate *rate, uint64_t now_ms);

#endif
