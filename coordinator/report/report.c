#include "coordinator/report/report.h"

#include <stdlib.h>

#include "common/file.h"
#include "coordinator/report/cells_csv.h"
#include "coordinator/report/page.h"
#include "coordinator/report/report_json.h"
#include "coordinator/report/rows.h"
#include "coordinator/report/summary.h"

/* The files in the order in which they are put in place: the page last, as the sign that all is
 * there. */
#define FILE_LIST(X)                                                                               \
    X(ROWS, "rows.jsonl") X(CSV, "cells.csv") X(JSON, "report.json") X(PAGE, "report.html")
enum {
#define X(id, name) FILE_##id,
    FILE_LIST(X)
#undef X
        FILE_COUNT
};
static const char *const file_names[] = {
#define X(id, name) name,
    FILE_LIST(X)
#undef X
};

struct making {
    const lt_report_source *source;
    lt_output files[FILE_COUNT];
    lt_cells cells;
    lt_numbers *numbers;
    lt_answers answers;
    lt_buf lines;
};

static lt_status take_item(void *context, const lt_walk_item *item, lt_error *error)
{
    struct making *making = context;
    LT_TRY(lt_cells_add(&making->cells, item, error));
    lt_buf_clear(&making->lines);
    lt_rows_jsonl(making->source->manifest, item, &making->lines);
    return lt_output_add(&making->files[FILE_ROWS], lt_buf_str(&making->lines), making->lines.len,
                         error);
}

static lt_status open_files(struct making *making, const char *dir, lt_error *error)
{
    LT_TRY(lt_dir_make(dir, error));
    for (int i = 0; i < FILE_COUNT; i++)
        LT_TRY(lt_output_open(&making->files[i], dir, file_names[i], error));
    return LT_OK;
}

static lt_status write_numbers(struct making *making, uint64_t made_wall_ms, lt_error *error)
{
    lt_buf *text = &making->lines;
    lt_buf_clear(text);
    lt_cells_csv(&making->cells, making->numbers, text);
    LT_TRY(lt_output_add(&making->files[FILE_CSV], text->data, text->len, error));
    lt_buf_clear(text);
    lt_report_json(&making->cells, making->numbers, made_wall_ms, text);
    LT_TRY(lt_output_add(&making->files[FILE_JSON], text->data, text->len, error));
    lt_answers_choose(&making->answers, &making->cells);
    return lt_page_write(&making->cells, &making->answers, making->source, text,
                         &making->files[FILE_PAGE], error);
}

static lt_status make(struct making *making, const lt_report_options *options, lt_error *error)
{
    LT_TRY(open_files(making, options->dir, error));
    LT_TRY(lt_cells_init(&making->cells, making->source->manifest, error));
    LT_TRY(lt_walk(making->source, take_item, making, error));
    LT_TRY(lt_cells_end(&making->cells, error));
    making->numbers = lt_numbers_new(&making->cells);
    LT_TRY(write_numbers(making, options->made_wall_ms, error));
    for (int i = 0; i < FILE_COUNT; i++)
        LT_TRY(lt_output_close(&making->files[i], error));
    for (int i = 0; i < FILE_COUNT; i++)
        LT_TRY(lt_output_publish(&making->files[i], error));
    return lt_dir_sync(options->dir, error);
}

static void summarize(const struct making *making, const char *dir, lt_buf *summary)
{
    lt_summary(&making->cells, making->numbers, summary);
    char *path = lt_path_join(dir, file_names[FILE_PAGE]);
    lt_buf_printf(summary, "report: %s\n", path);
    free(path);
}

lt_status lt_report_make(const lt_report_source *source, const lt_report_options *options,
                         lt_buf *summary, lt_error *error)
{
    struct making making = {.source = source};
    for (int i = 0; i < FILE_COUNT; i++)
        making.files[i].fd = -1;
    const lt_status status = make(&making, options, error);
    if (status == LT_OK && summary)
        summarize(&making, options->dir, summary);
    for (int i = 0; i < FILE_COUNT; i++)
        lt_output_drop(&making.files[i]);
    lt_answers_fini(&making.answers, &making.cells);
    free(making.numbers);
    lt_cells_fini(&making.cells);
    lt_buf_fini(&making.lines);
    return status;
}
