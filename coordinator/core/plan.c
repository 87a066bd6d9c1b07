#include "coordinator/core/plan.h"

#include "common/manifest.h"

static size_t walk(const Lefttail__Manifest *manifest, const uint32_t *class_ids,
                   const uint32_t *pack_ids, lt_core_unit *out)
{
    size_t count = 0;
    for (uint32_t scorer = 0; scorer < manifest->n_scorers; scorer++)
        for (uint32_t pack = 0; pack < manifest->n_packs; pack++) {
            const Lefttail__PackRef *ref = manifest->packs[pack];
            if (ref->items == 0 || !lt_scorer_has_set(manifest->scorers[scorer], ref->set))
                continue;
            if (out)
                out[count] = (lt_core_unit){.class_id = class_ids[scorer],
                                            .pack_id = pack_ids[pack],
                                            .items = ref->items,
                                            .scorer_index = scorer,
                                            .pack_index = pack};
            count++;
        }
    return count;
}

size_t lt_plan_unit_count(const Lefttail__Manifest *manifest)
{
    return walk(manifest, NULL, NULL, NULL);
}

size_t lt_plan_units(const Lefttail__Manifest *manifest, const uint32_t *class_ids,
                     const uint32_t *pack_ids, lt_core_unit *out)
{
    return walk(manifest, class_ids, pack_ids, out);
}
