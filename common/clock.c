#include "common/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t lt_now_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t lt_now_ms(void)
{
    return lt_now_us() / 1000u;
}

uint64_t lt_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000u;
}

const char *lt_wall_text(uint64_t wall_ms, char out[32])
{
    const time_t seconds = (time_t)(wall_ms / 1000u);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char date[24];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, 32, "%s.%03uZ", date, (unsigned)(wall_ms % 1000u));
    return out;
}
