#include "coordinator/report/page.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "coordinator/report/assets.h"
#include "coordinator/report/json.h"

void lt_page_escape(const char *json, size_t len, lt_buf *out)
{
    size_t done = 0;
    for (size_t i = 0; i < len; i++) {
        const bool separator = i + 2 < len && memcmp(json + i, "\xe2\x80", 2) == 0 &&
                               (json[i + 2] == '\xa8' || json[i + 2] == '\xa9');
        if (!separator && !strchr("<>&", json[i]))
            continue;
        lt_buf_add(out, json + done, i - done);
        lt_buf_printf(out, "\\u%04x",
                      separator ? 0x2000u + (unsigned char)json[i + 2] - 0x80u : (unsigned)json[i]);
        i += separator ? 2 : 0;
        done = i + 1;
    }
    lt_buf_add(out, json + done, len - done);
}

/* ---- the data ---- */

/* Scores for the scatter: of every k-th prompt, so that the page stays small. */
static uint64_t find_stride(const lt_cells *cells)
{
    uint64_t total = 0;
    for (size_t i = 0; i < cells->count; i++)
        total += cells->cells[i].reward ? cells->cells[i].slot_count : 0;
    return total / LT_PAGE_SCORES_MAX + 1;
}

static void add_scores(const lt_cells *cells, lt_buf *out)
{
    const uint64_t stride = find_stride(cells);
    lt_json_put_uint(out, "stride", stride);
    lt_json_put_open(out, "scores", '[');
    for (size_t i = 0; i < cells->count; i++) {
        const lt_cell *cell = &cells->cells[i];
        if (!cell->reward) {
            lt_json_null(out);
            continue;
        }
        lt_json_newline(out);
        lt_json_open(out, '[');
        for (size_t slot = 0; slot < cell->slot_count; slot += stride) {
            if (lt_cell_scored(cell, slot))
                lt_json_float(out, cell->logits[slot]);
            else
                lt_json_null(out);
        }
        lt_json_close(out, ']');
    }
    lt_json_close(out, ']');
}

static lt_status make_data(const lt_cells *cells, const lt_answers *answers,
                           const lt_report_source *source, const lt_buf *report_json, lt_buf *out,
                           lt_error *error)
{
    lt_json_open(out, '{');
    lt_json_key(out, "report");
    lt_buf_add(out, report_json->data, report_json->len);
    lt_buf_putc(out, ',');
    lt_buf_putc(out, '\n');
    add_scores(cells, out);
    lt_json_newline(out);
    lt_json_key(out, "answers");
    LT_TRY(lt_answers_json(answers, cells, source, out, error));
    lt_json_close(out, '}');
    return LT_OK;
}

/* ---- the page ---- */

static void add_hash(lt_asset asset, lt_buf *out)
{
    char text[64];
    const lt_digest digest = lt_digest_of(asset.bytes, asset.len);
    sodium_bin2base64(text, sizeof text, digest.bytes, sizeof digest.bytes,
                      sodium_base64_VARIANT_ORIGINAL);
    lt_buf_printf(out, "'sha256-%s'", text);
}

static void make_policy(lt_buf *out)
{
    lt_buf_puts(out, "default-src 'none'; script-src ");
    add_hash(lt_asset_vega(), out);
    lt_buf_putc(out, ' ');
    add_hash(lt_asset_script(), out);
    lt_buf_puts(out, "; style-src ");
    add_hash(lt_asset_style(), out);
    lt_buf_puts(out, "; img-src data: blob:; base-uri 'none'; form-action 'none'");
}

static void escape_html(const char *text, lt_buf *out)
{
    for (; *text; text++) {
        if (strchr("<>&\"'", *text))
            lt_buf_printf(out, "&#%d;", *text);
        else
            lt_buf_putc(out, *text);
    }
}

struct part {
    const char *name;
    const char *bytes;
    size_t len;
};

/* report.html with each {{name}} replaced. */
static lt_status fill(const struct part *parts, size_t part_count, lt_output *output,
                      lt_error *error)
{
    const lt_asset html = lt_asset_html();
    const char *at = html.bytes, *end = html.bytes + html.len;
    for (;;) {
        const char *mark = memmem(at, (size_t)(end - at), "{{", 2);
        if (!mark)
            return lt_output_add(output, at, (size_t)(end - at), error);
        LT_TRY(lt_output_add(output, at, (size_t)(mark - at), error));
        const struct part *part = NULL;
        for (size_t i = 0; i < part_count; i++)
            if (strncmp(mark + 2, parts[i].name, strlen(parts[i].name)) == 0)
                part = &parts[i];
        LT_ASSERT(part != NULL);
        LT_TRY(lt_output_add(output, part->bytes, part->len, error));
        at = mark + 2 + strlen(part->name) + 2;
    }
}

lt_status lt_page_write(const lt_cells *cells, const lt_answers *answers,
                        const lt_report_source *source, const lt_buf *report_json,
                        lt_output *output, lt_error *error)
{
    lt_buf json = {0}, data = {0}, policy = {0}, title = {0};
    lt_status status = make_data(cells, answers, source, report_json, &json, error);
    if (status == LT_OK) {
        lt_page_escape(json.data, json.len, &data);
        make_policy(&policy);
        escape_html(cells->manifest->name, &title);
        const struct part parts[] = {
            {"policy", policy.data, policy.len},
            {"title", lt_buf_str(&title), title.len},
            {"style", lt_asset_style().bytes, lt_asset_style().len},
            {"vega", lt_asset_vega().bytes, lt_asset_vega().len},
            {"script", lt_asset_script().bytes, lt_asset_script().len},
            {"data", data.data, data.len},
        };
        status = fill(parts, sizeof parts / sizeof *parts, output, error);
    }
    lt_buf_fini(&json);
    lt_buf_fini(&data);
    lt_buf_fini(&policy);
    lt_buf_fini(&title);
    return status;
}
