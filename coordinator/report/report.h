/* From stored rows to what a person reads: report.html, report.json, rows.jsonl and cells.csv.
 *
 * A pure function of its inputs: no socket, no model, and no clock (the time is an argument). The
 * same manifest, packs and rows give the same bytes, whatever order the rows were made in; only
 * the object "made" of report.json, repeated in the page, says when and by which version.
 * Blocks on files; any thread, one call per source at a time.
 *
 * Memory: one pack and its rows, about 12 bytes per (item, scorer), and the answers shown on the
 * page (bounded; see answers.h). Packs are read once in ascending order, then some of them again,
 * in ascending order, for the answers on the page. */
#ifndef LT_REPORT_REPORT_H
#define LT_REPORT_REPORT_H

#include "common/buf.h"
#include "common/status.h"
#include "lefttail.pb-c.h"

/* Where the report gets a job from. `manifest` has passed lt_manifest_read and is borrowed. */
typedef struct lt_report_source {
    Lefttail__Manifest *manifest;
    void *context; /* handed to the two functions */

    /* The pack at manifest->packs[pack_index], already through lt_pack_read. Ownership goes to the
     * report, which frees it with lefttail__pack__free_unpacked(pack, NULL). */
    lt_status (*read_pack)(void *context, uint32_t pack_index, Lefttail__Pack **out,
                           lt_error *error);

    /* The next group of rows in the order of lefttail.proto's RowsReply: ascending by pack, then
     * scorer, items ascending inside; a (pack, scorer) without rows may be left out, one may come
     * in several pieces. *out = NULL after the last. Ownership goes to the report
     * (lefttail__row_group__free_unpacked). Every row is checked here (lt_row_check). */
    lt_status (*next_group)(void *context, Lefttail__RowGroup **out, lt_error *error);
} lt_report_source;

typedef struct lt_report_options {
    const char *dir;       /* made if it is missing, with parents */
    uint64_t made_wall_ms; /* the time of making; 0: the object "made" says null */
} lt_report_options;

/* Writes the four files into options->dir, each under a temporary name until all are complete,
 * then renames them; a failure leaves what was there before and no temporary. `summary` (may be
 * NULL) gets a short text for a terminal, UTF-8 without control characters but LF: a table of the
 * cells and the path of the page. Errors: LT_PROTOCOL when rows, packs and manifest disagree (which
 * pack, item, field), what the source returned, LT_IO and LT_FULL of files. */
lt_status lt_report_make(const lt_report_source *source, const lt_report_options *options,
                         lt_buf *summary, lt_error *error);

typedef enum lt_rows_format { LT_ROWS_JSONL, LT_ROWS_CSV } lt_rows_format;

/* Where rows go: returns a status of its own, passed on. Called with whole lines. */
typedef lt_status (*lt_rows_sink)(void *context, const char *bytes, size_t count, lt_error *error);

/* Every row as it stands in rows.jsonl (or as CSV with a header line, RFC 4180): order set, pack,
 * prompt, variant, sample, scorer. Rows that are not recorded yet are left out. */
lt_status lt_report_rows(const lt_report_source *source, lt_rows_format format, lt_rows_sink sink,
                         void *context, lt_error *error);

#endif
