/* What the store has been given and has not yet committed, in order of tickets. Bounded: without
 * room, a batch of rows is dropped (its worker keeps it) and the worker is asked to send again
 * later. */
#ifndef LT_COORDINATOR_CORE_INFLIGHT_H
#define LT_COORDINATOR_CORE_INFLIGHT_H

#include "coordinator/core/state.h"

void lt_inflight_init(lt_inflight *inflight, uint32_t row_cap);
void lt_inflight_fini(lt_inflight *inflight);

bool lt_inflight_has_room(const lt_core *core, uint32_t rows);

/* Gives open items of a unit to the store under the next ticket: first begin, then each row. */
void lt_inflight_begin(lt_core *core, uint32_t unit, const lt_batch *ack);
void lt_inflight_row(lt_core *core, uint32_t item, bool failed);

/* One failed row that nobody is to be acknowledged for. */
void lt_inflight_bury(lt_core *core, uint32_t unit, uint32_t item);

/* An acknowledgement without rows: now, or behind what is in flight. */
void lt_inflight_ack(lt_core *core, const lt_batch *ack);

void lt_inflight_commit(lt_core *core, uint64_t ticket);
void lt_inflight_roll_back(lt_core *core);    /* everything in flight is open again */
void lt_inflight_forget_units(lt_core *core); /* units have been removed: their rows are nobody's */

#endif
