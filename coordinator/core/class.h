/* Checkpoints that workers cannot load. Each failure keeps the class from that worker for a while,
 * longer each time; after class_failures_max of them without a single row in between, on two
 * workers where there are two, all that is left of the class becomes failed rows. Engines that die
 * count half, as long as the class has never given a row: later deaths are the texts' business. */
#ifndef LT_COORDINATOR_CORE_CLASS_H
#define LT_COORDINATOR_CORE_CLASS_H

#include "coordinator/core/state.h"

void lt_class_hold(lt_core *core, uint32_t class_id);          /* one more unit */
void lt_class_release(lt_core *core, uint32_t class_id);       /* one less */
lt_class *lt_class_of(const lt_core *core, uint32_t class_id); /* it is held */

void lt_class_failed(lt_core *core, uint32_t class_id, uint32_t worker,
                     Lefttail__FailureReason reason);
void lt_class_died(lt_core *core, uint32_t class_id, uint32_t worker);
void lt_class_worked(lt_core *core, uint32_t class_id,
                     uint32_t worker); /* rows came; LT_NONE: from the store */
void lt_class_pause(lt_core *core, uint32_t class_id,
                    uint32_t worker); /* nobody's fault but the worker's */
bool lt_class_paused(const lt_core *core, uint32_t class_id, const lt_worker *worker);

#endif
