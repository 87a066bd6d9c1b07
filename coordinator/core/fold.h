/* Live figures of a job while it runs: per cell (variant, set, scorer) plain counts and a mean, fed
 * with rows as they are recorded and, after a restart, with the rows of the store. What it says is
 * an estimate while rows are missing; the report computes its own numbers from all rows.
 *
 * The sum of scores is kept in fixed point (2^-20), so the figures do not depend on the order in
 * which rows came. Pure; memory is the cells', made at init: for 6 variants, 3 sets and 3 scorers a
 * few kB. */
#ifndef LT_COORDINATOR_CORE_FOLD_H
#define LT_COORDINATOR_CORE_FOLD_H

#include "common/outcome.h"
#include "common/status.h"

typedef struct lt_fold {
    const Lefttail__Manifest *manifest; /* the caller's; lives as long as the fold */
    struct lt_fold_cell *cells;         /* [cell_count], by (variant, set, scorer) */
    uint32_t *cell_of; /* [variants, sets, scorers]: index in cells, or UINT32_MAX */
    size_t cell_count;
} lt_fold;

typedef struct lt_fold_cell {
    uint32_t variant, set, scorer;
    uint64_t expected, scored, failed, tail, truncated;
    uint64_t refusals_any; /* classifiers: full + partial */
    int64_t sum;           /* of transformed scores, in 2^-20; clamped to +-1e6 per row */
} lt_fold_cell;

/* Makes the cells of all (variant, set, scorer) that the manifest asks for; `expected` comes from
 * the sets' accounts (answers that are there). */
void lt_fold_init(lt_fold *fold, const Lefttail__Manifest *manifest);
void lt_fold_fini(lt_fold *fold); /* safe on zeroed memory */

/* Adds one recorded row. `variant` is that of the row's item (lt_fold_variants). A (variant, set,
 * scorer) that is not in the manifest is ignored. Call it once per recorded (scorer, item). */
void lt_fold_add(lt_fold *fold, uint32_t variant, uint32_t set, uint32_t scorer,
                 const Lefttail__Row *row);

/* The variants of a pack's items, in item order; `out` has room for `items`. Returns how many the
 * pack has (keep these two bytes per item instead of the pack). */
size_t lt_fold_variants(const Lefttail__Pack *pack, uint16_t *out, size_t items);

/* Fills *out, initialised here, with one cell's figures, as JobStatus.cells carries them. The tail
 * of a reward model counts rows below an absolute threshold; with a quantile it is 0 until the
 * report. */
void lt_fold_estimate(const lt_fold_cell *cell, const Lefttail__Manifest *manifest,
                      Lefttail__CellEstimate *out);

#endif
