/* A lease as its worker holds it, with the rows that are not acknowledged yet. Plain data. */
#ifndef LT_WORKER_HELD_H
#define LT_WORKER_HELD_H

#include "common/buf.h"
#include "lefttail.pb-c.h"
#include "worker/supply.h"

#define LT_HELD_STATE_LIST(X)                                                                      \
    X(PREPARING) /* its pack and checkpoint are on their way */                                    \
    X(READY)     /* waits for the engine */                                                        \
    X(RUNNING)                                                                                     \
    X(SENT) /* all rows are made; waits for the last ack */
typedef enum lt_held_state {
#define X(name) LT_HELD_##name,
    LT_HELD_STATE_LIST(X)
#undef X
} lt_held_state;

/* A Results message, kept until it is acknowledged. */
typedef struct lt_spooled {
    struct lt_spooled *next;
    uint64_t sequence;
    lt_buf bytes; /* the packed Message */
} lt_spooled;

typedef struct lt_held {
    struct lt_held *next;
    void *owner;            /* the session, for the supply's callbacks */
    Lefttail__Lease *lease; /* owned; `done` is a whole bitmap and grows with the rows */
    lt_digest numerics_class;
    lt_held_state state;
    lt_supply *supply;
    uint32_t open_items;     /* without a row */
    uint32_t items_done;     /* rows made here */
    Lefttail__Row **pending; /* [pending_count] made and not in a Results yet */
    size_t pending_count;
    uint64_t sequence; /* of the newest Results */
    lt_spooled *first, *last;
    bool careful;      /* its run killed an engine: go text by text */
    bool renew_supply; /* its files changed: verify or fetch them again before the next run */
} lt_held;

/* Checks what a Lease must have and copies it. LT_PROTOCOL names the field. */
lt_status lt_held_new(lt_held **out, const Lefttail__Lease *lease, lt_error *error);
void lt_held_free(lt_held **held); /* closes its supply too */

/* Takes the row. LT_PROTOCOL (the row is freed): not a row of this lease, or its checksum is wrong.
 */
lt_status lt_held_add_row(lt_held *held, Lefttail__Row *row, lt_error *error);

/* Makes a Results of the pending rows; NULL when there are none. The newest of the spool, borrowed.
 */
const lt_spooled *lt_held_flush(lt_held *held);

void lt_held_ack(lt_held *held, uint64_t sequence);
bool lt_held_is_acked(const lt_held *held); /* nothing pending, nothing in the spool */

#endif
