/* The core's small parts: map, rate, plan, fold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "common/wire.h"
#include "coordinator/core/fold.h"
#include "coordinator/core/map.h"
#include "coordinator/core/plan.h"
#include "coordinator/core/rate.h"

static void a_map_keeps_what_it_is_given(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    lt_map map = {0};
    uint32_t want[KEYS];
    uint64_t dice = 1;
    for (int i = 0; i < KEYS; i++)
        want[i] = LT_NONE;
    assert_int_equal(lt_map_get(&map, 3), LT_NONE);
    lt_map_remove(&map, 3);
    for (int i = 0; i < 200000; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        const uint32_t key = (uint32_t)(dice >> 33) % KEYS, value = (uint32_t)(dice >> 40);
        if (dice >> 60 < 9) {
            lt_map_put(&map, (uint64_t)key << 32 | 1, value);
            want[key] = value;
        } else {
            lt_map_remove(&map, (uint64_t)key << 32 | 1);
            want[key] = LT_NONE;
        }
        const uint32_t other = value % KEYS;
        assert_int_equal(lt_map_get(&map, (uint64_t)other << 32 | 1), want[other]);
    }
    lt_map_fini(&map);
}

static void a_rate_forgets_after_half_a_minute(void **state)
{
    (void)state;
    lt_rate rate = {0};
    assert_true(lt_rate_per_second(&rate, 5000) == 0);
    for (uint64_t ms = 10000; ms < 40000; ms += 100)
        lt_rate_add(&rate, ms, 5);
    assert_true(fabs(lt_rate_per_second(&rate, 39999) - 50) < 1);
    assert_true(lt_rate_per_second(&rate, 55000) < 30);
    assert_true(lt_rate_per_second(&rate, 80000) == 0);
    lt_rate_add(&rate, 200000, 30);
    assert_true(fabs(lt_rate_per_second(&rate, 200500) - 1) < 0.01);
}

/* ---- a manifest: two variants, two sets; a reward model on one, a classifier on both ---- */

typedef struct documents {
    Lefttail__Manifest manifest;
    Lefttail__Variant variants[2], *variant_list[2];
    Lefttail__PromptSet sets[2], *set_list[2];
    Lefttail__VariantAccount accounts[2], *account_list[2];
    Lefttail__Scorer scorers[2], *scorer_list[2];
    Lefttail__Tail tail;
    Lefttail__PackRef packs[3], *pack_list[3];
    uint32_t both_sets[2];
    char *labels[2], *full[1];
} documents;

static void fill_scorers(documents *d)
{
    for (int i = 0; i < 2; i++) {
        lefttail__scorer__init(d->scorer_list[i] = &d->scorers[i]);
        d->scorers[i].sets = d->both_sets;
    }
    d->both_sets[1] = 1;
    lefttail__tail__init(&d->tail);
    d->tail.has_below = true;
    d->tail.below = 0.25;
    d->scorers[0].kind = LEFTTAIL__SCORER_KIND__SCORER_REWARD;
    d->scorers[0].n_sets = 1;
    d->scorers[0].sigmoid = true;
    d->scorers[0].tail = &d->tail;
    d->labels[0] = "comply";
    d->labels[1] = "refuse";
    d->full[0] = "refuse";
    d->scorers[1].kind = LEFTTAIL__SCORER_KIND__SCORER_CLASSIFIER;
    d->scorers[1].n_sets = 2;
    d->scorers[1].n_labels = 2;
    d->scorers[1].labels = d->labels;
    d->scorers[1].n_refusal_full = 1;
    d->scorers[1].refusal_full = d->full;
}

static void fill(documents *d)
{
    *d = (documents){0};
    lefttail__manifest__init(&d->manifest);
    for (int i = 0; i < 2; i++) {
        lefttail__variant__init(d->variant_list[i] = &d->variants[i]);
        lefttail__prompt_set__init(d->set_list[i] = &d->sets[i]);
        lefttail__variant_account__init(d->account_list[i] = &d->accounts[i]);
        d->accounts[i].present = 10;
        d->sets[i].n_accounts = 2;
        d->sets[i].accounts = d->account_list;
    }
    for (int i = 0; i < 3; i++) {
        lefttail__pack_ref__init(d->pack_list[i] = &d->packs[i]);
        d->packs[i].items = i == 1 ? 0 : 6;
        d->packs[i].set = i == 2;
    }
    fill_scorers(d);
    d->manifest.n_variants = d->manifest.n_sets = d->manifest.n_scorers = 2;
    d->manifest.n_packs = 3;
    d->manifest.variants = d->variant_list;
    d->manifest.sets = d->set_list;
    d->manifest.scorers = d->scorer_list;
    d->manifest.packs = d->pack_list;
}

static void a_plan_has_a_unit_for_each_scorer_and_pack(void **state)
{
    (void)state;
    documents d;
    fill(&d);
    const uint32_t classes[] = {50, 60}, packs[] = {7, 8, 9};
    lt_core_unit units[4];
    assert_int_equal(lt_plan_unit_count(&d.manifest), 3); /* the empty pack has none */
    assert_int_equal(lt_plan_units(&d.manifest, classes, packs, units), 3);
    assert_int_equal(units[0].class_id, 50);
    assert_int_equal(units[0].pack_id, 7);
    assert_int_equal(units[2].class_id, 60);
    assert_int_equal(units[2].pack_id, 9);
    assert_int_equal(units[2].scorer_index, 1);
    assert_int_equal(units[2].pack_index, 2);
    assert_int_equal(units[2].items, 6);
}

static void add(lt_fold *fold, uint32_t variant, uint32_t set, uint32_t scorer, uint32_t count,
                float first, float second)
{
    uint8_t bytes[8];
    const float logits[] = {first, second};
    Lefttail__Row row = LEFTTAIL__ROW__INIT;
    row.state = count ? LEFTTAIL__ROW_STATE__ROW_SCORED : LEFTTAIL__ROW_STATE__ROW_FAILED;
    lt_wire_put_floats(logits, count, bytes);
    row.logits = (ProtobufCBinaryData){4 * count, bytes};
    lt_fold_add(fold, variant, set, scorer, &row);
}

static void a_fold_counts_cells(void **state)
{
    (void)state;
    documents d;
    fill(&d);
    lt_fold fold;
    lt_fold_init(&fold, &d.manifest);
    assert_int_equal(fold.cell_count, 6);
    add(&fold, 0, 0, 0, 1, -2, 0); /* sigmoid: 0.1192 */
    add(&fold, 0, 0, 0, 1, 0, 0);
    add(&fold, 0, 0, 0, 0, 0, 0);
    add(&fold, 0, 1, 0, 1, 0, 0); /* the reward model does not score that set */
    add(&fold, 9, 0, 0, 1, 0, 0);
    add(&fold, 1, 1, 1, 2, 0, 3);
    add(&fold, 1, 1, 1, 2, 1, 0);
    for (size_t i = 0; i < fold.cell_count; i++) {
        Lefttail__CellEstimate out;
        lt_fold_estimate(&fold.cells[i], &d.manifest, &out);
        assert_int_equal(out.expected, 10);
        if (out.variant == 0 && out.set == 0 && out.scorer == 0) {
            assert_int_equal(out.scored, 2);
            assert_int_equal(out.failed, 1);
            assert_int_equal(out.tail, 1);
            assert_true(fabs(out.mean - (1 / (1 + exp(2)) + 0.5) / 2) < 1e-5);
        } else if (out.variant == 1 && out.set == 1 && out.scorer == 1) {
            assert_int_equal(out.scored, 2);
            assert_int_equal(out.tail, 1);
            assert_true(out.mean == 0.5);
        } else {
            assert_int_equal(out.scored + out.failed, 0);
        }
    }
    lt_fold_fini(&fold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_keeps_what_it_is_given),
        cmocka_unit_test(a_rate_forgets_after_half_a_minute),
        cmocka_unit_test(a_plan_has_a_unit_for_each_scorer_and_pack),
        cmocka_unit_test(a_fold_counts_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
