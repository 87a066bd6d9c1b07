/* What happened to a running job, for those who watch it: a ring of the last events with ascending
 * sequence numbers. The numbers start at the coordinator's epoch times 2^32, so they ascend over
 * restarts; a watcher that names an event which has left the ring goes on from the oldest kept. */
#ifndef LT_COORDINATOR_EVENTS_H
#define LT_COORDINATOR_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#define LT_EVENTS_KEPT 128 /* some minutes of progress; 20 kB for each running job */
#define LT_EVENT_TEXT_BYTES 144

typedef struct lt_happening {
    uint64_t sequence;
    uint64_t wall_ms;
    const char *word; /* "progress", "job_done", "worker_joined", ...: static */
    char text[LT_EVENT_TEXT_BYTES];
} lt_happening;

typedef struct lt_events {
    lt_happening *ring;   /* [LT_EVENTS_KEPT], made with the first event */
    uint64_t first, next; /* sequences held: first <= s < next */
} lt_events;

void lt_events_init(lt_events *events, uint64_t epoch);
void lt_events_fini(lt_events *events); /* safe on zeroed memory */

/* Appends; the oldest goes when the ring is full. */
void lt_events_add(lt_events *events, const char *word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first event after `sequence`, or NULL. Valid until the next lt_events_add. */
const lt_happening *lt_events_after(const lt_events *events, uint64_t sequence);

#endif
