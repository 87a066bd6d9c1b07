/* Values of options, read strictly. */
#ifndef LT_CLIENT_NUMBERS_H
#define LT_CLIENT_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#define LT_THREADS_MAX 1024

/* Decimal digits alone, from min to max. */
bool lt_number_from(const char *text, uint32_t min, uint32_t max, uint32_t *out);

bool lt_date_is_valid(const char *text); /* YYYY-MM-DD, a day that exists */

#endif
