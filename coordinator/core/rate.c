#include "coordinator/core/rate.h"

#include <string.h>

void lt_rate_add(lt_rate *rate, uint64_t now_ms, uint32_t count)
{
    const uint64_t second = now_ms / 1000;
    if (rate->first_second == 0) {
        rate->first_second = second + 1;
        rate->second = second;
    }
    if (second - rate->second >= LT_RATE_SECONDS)
        memset(rate->counts, 0, sizeof rate->counts);
    else
        for (uint64_t s = rate->second + 1; s <= second; s++)
            rate->counts[s % LT_RATE_SECONDS] = 0;
    rate->second = second;
    rate->counts[second % LT_RATE_SECONDS] += count;
}

double lt_rate_per_second(const lt_rate *rate, uint64_t now_ms)
{
    if (rate->first_second == 0)
        return 0;
    const uint64_t now = now_ms / 1000, first = rate->first_second - 1;
    uint64_t sum = 0;
    for (uint64_t back = 0; back < LT_RATE_SECONDS && back <= rate->second; back++)
        if (now - (rate->second - back) < LT_RATE_SECONDS)
            sum += rate->counts[(rate->second - back) % LT_RATE_SECONDS];
    const uint64_t elapsed_ms = now_ms - first * 1000;
    const double seconds =
        elapsed_ms < LT_RATE_SECONDS * 1000 ? (double)elapsed_ms / 1000 : LT_RATE_SECONDS;
    return seconds < 1 ? (double)sum : (double)sum / seconds;
}
