#include "coordinator/report/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/status.h"
#include "common/utf8.h"

static void separate(lt_buf *out)
{
    if (out->len > 0 && !strchr("{[:,\n", out->data[out->len - 1]))
        lt_buf_putc(out, ',');
}

void lt_json_open(lt_buf *out, char bracket)
{
    separate(out);
    lt_buf_putc(out, bracket);
}

void lt_json_close(lt_buf *out, char bracket)
{
    lt_buf_putc(out, bracket);
}

void lt_json_key(lt_buf *out, const char *key)
{
    lt_json_string(out, key);
    lt_buf_putc(out, ':');
}

void lt_json_newline(lt_buf *out)
{
    separate(out);
    lt_buf_putc(out, '\n');
}

void lt_json_null(lt_buf *out)
{
    separate(out);
    lt_buf_puts(out, "null");
}

void lt_json_bool(lt_buf *out, bool value)
{
    separate(out);
    lt_buf_puts(out, value ? "true" : "false");
}

void lt_json_uint(lt_buf *out, uint64_t value)
{
    separate(out);
    lt_buf_printf(out, "%" PRIu64, value);
}

/* A decimal that round-trips in fewer digits is what fewer digits print, so three tries do. */
void lt_text_double(lt_buf *out, double value)
{
    char text[40];
    LT_ASSERT(isfinite(value));
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    lt_buf_puts(out, text);
}

void lt_text_float(lt_buf *out, float value)
{
    char text[40];
    LT_ASSERT(isfinite(value));
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    lt_buf_puts(out, text);
}

void lt_json_double(lt_buf *out, double value)
{
    separate(out);
    lt_text_double(out, value);
}

void lt_json_float(lt_buf *out, float value)
{
    separate(out);
    lt_text_float(out, value);
}

static void escape(lt_buf *out, const char *text, size_t len)
{
    size_t done = 0;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        lt_buf_add(out, text + done, i - done);
        done = i + 1;
        if (c == '"' || c == '\\')
            lt_buf_printf(out, "\\%c", c);
        else if (c == '\n')
            lt_buf_puts(out, "\\n");
        else if (c == '\t')
            lt_buf_puts(out, "\\t");
        else if (c == '\r')
            lt_buf_puts(out, "\\r");
        else
            lt_buf_printf(out, "\\u%04x", c);
    }
    lt_buf_add(out, text + done, len - done);
}

void lt_json_bytes(lt_buf *out, const char *text, size_t len)
{
    separate(out);
    lt_buf_putc(out, '"');
    if (lt_utf8_valid(text, len)) {
        escape(out, text, len);
    } else {
        lt_buf repaired = {0};
        lt_utf8_repair(text, len, &repaired);
        escape(out, repaired.data, repaired.len);
        lt_buf_fini(&repaired);
    }
    lt_buf_putc(out, '"');
}

void lt_json_string(lt_buf *out, const char *text)
{
    lt_json_bytes(out, text, strlen(text));
}

void lt_json_put_open(lt_buf *out, const char *key, char bracket)
{
    lt_json_key(out, key);
    lt_json_open(out, bracket);
}

void lt_json_put_null(lt_buf *out, const char *key)
{
    lt_json_key(out, key);
    lt_json_null(out);
}

void lt_json_put_bool(lt_buf *out, const char *key, bool value)
{
    lt_json_key(out, key);
    lt_json_bool(out, value);
}

void lt_json_put_uint(lt_buf *out, const char *key, uint64_t value)
{
    lt_json_key(out, key);
    lt_json_uint(out, value);
}

void lt_json_put_double(lt_buf *out, const char *key, double value)
{
    lt_json_key(out, key);
    lt_json_double(out, value);
}

void lt_json_put_double_if(lt_buf *out, const char *key, bool known, double value)
{
    if (known)
        lt_json_put_double(out, key, value);
    else
        lt_json_put_null(out, key);
}

void lt_json_put_string(lt_buf *out, const char *key, const char *text)
{
    lt_json_key(out, key);
    lt_json_string(out, text);
}

static bool csv_needs_quotes(const char *text, size_t len)
{
    if (len > 0 && (text[0] == ' ' || text[len - 1] == ' '))
        return true;
    for (size_t i = 0; i < len; i++)
        if (strchr(",\"\r\n", text[i])) /* NUL too: strchr finds the terminator */
            return true;
    return false;
}

void lt_csv_field(lt_buf *out, const char *text, size_t len)
{
    if (!csv_needs_quotes(text, len)) {
        lt_buf_add(out, text, len);
    } else {
        lt_buf_putc(out, '"');
        for (size_t i = 0; i < len; i++) {
            if (text[i] == '"')
                lt_buf_putc(out, '"');
            lt_buf_putc(out, text[i]);
        }
        lt_buf_putc(out, '"');
    }
    lt_buf_putc(out, ',');
}

void lt_csv_string(lt_buf *out, const char *text)
{
    lt_csv_field(out, text, strlen(text));
}

void lt_csv_uint(lt_buf *out, uint64_t value)
{
    lt_buf_printf(out, "%" PRIu64 ",", value);
}

void lt_csv_double(lt_buf *out, double value)
{
    lt_text_double(out, value);
    lt_buf_putc(out, ',');
}

void lt_csv_end(lt_buf *out)
{
    LT_ASSERT(out->len > 0 && out->data[out->len - 1] == ',');
    out->data[out->len - 1] = '\n';
}
