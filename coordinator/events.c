#include "coordinator/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"

void lt_events_init(lt_events *events, uint64_t epoch)
{
    memset(events, 0, sizeof *events);
    events->first = events->next = (epoch << 32) + 1;
}

void lt_events_fini(lt_events *events)
{
    free(events->ring);
    memset(events, 0, sizeof *events);
}

void lt_events_add(lt_events *events, const char *word, const char *format, ...)
{
    if (!events->ring)
        events->ring = lt_alloc(LT_EVENTS_KEPT * sizeof *events->ring);
    lt_happening *happening = &events->ring[events->next % LT_EVENTS_KEPT];
    happening->sequence = events->next++;
    happening->wall_ms = lt_wall_ms();
    happening->word = word;
    va_list args;
    va_start(args, format);
    vsnprintf(happening->text, sizeof happening->text, format, args);
    va_end(args);
    if (events->next - events->first > LT_EVENTS_KEPT)
        events->first = events->next - LT_EVENTS_KEPT;
}

const lt_happening *lt_events_after(const lt_events *events, uint64_t sequence)
{
    const uint64_t want = sequence + 1 > events->first ? sequence + 1 : events->first;
    return want < events->next ? &events->ring[want % LT_EVENTS_KEPT] : NULL;
}
