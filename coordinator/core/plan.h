/* From a manifest to units: one for every (scorer, pack of a set that it scores) that has items,
 * scorers in order, packs in order. Pure. */
#ifndef LT_COORDINATOR_CORE_PLAN_H
#define LT_COORDINATOR_CORE_PLAN_H

#include "coordinator/core/core.h"

/* How many units lt_plan_units writes. */
size_t lt_plan_unit_count(const Lefttail__Manifest *manifest);

/* class_ids[n_scorers], pack_ids[n_packs]: what the store calls their digests. Returns the count.
 */
size_t lt_plan_units(const Lefttail__Manifest *manifest, const uint32_t *class_ids,
                     const uint32_t *pack_ids, lt_core_unit *out);

#endif
