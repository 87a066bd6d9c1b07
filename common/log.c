#include "common/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"

static struct {
    const char *program;
    lt_log_level level;
    lt_log_format format;
    bool colour;
} logger = {.program = "lefttail", .level = LT_LOG_INFO, .format = LT_LOG_FORMAT_LOGFMT};

static const char *const level_words[] = {
#define X(name, word) word,
    LT_LOG_LEVEL_LIST(X)
#undef X
};
static const char *const format_words[] = {
#define X(name, word) word,
    LT_LOG_FORMAT_LIST(X)
#undef X
};

void lt_log_init(const char *program, lt_log_level level, lt_log_format format)
{
    const bool terminal = isatty(STDERR_FILENO) == 1;
    logger.program = program;
    logger.level = level;
    logger.format = format != LT_LOG_FORMAT_AUTO ? format
                    : terminal                   ? LT_LOG_FORMAT_TEXT
                                                 : LT_LOG_FORMAT_LOGFMT;
    logger.colour = terminal;
}

bool lt_log_level_from(const char *word, lt_log_level *out)
{
    for (size_t i = 0; i < sizeof level_words / sizeof *level_words; i++)
        if (strcmp(word, level_words[i]) == 0) {
            *out = (lt_log_level)i;
            return true;
        }
    return false;
}

bool lt_log_format_from(const char *word, lt_log_format *out)
{
    for (size_t i = 0; i < sizeof format_words / sizeof *format_words; i++)
        if (strcmp(word, format_words[i]) == 0) {
            *out = (lt_log_format)i;
            return true;
        }
    return false;
}

bool lt_log_on(lt_log_level level)
{
    return level >= logger.level;
}

static void put_escaped(lt_buf *line, const char *value)
{
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        if (*p == '"' || *p == '\\')
            lt_buf_printf(line, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            lt_buf_printf(line, "\\u%04x", *p);
        else
            lt_buf_putc(line, (char)*p);
    }
}

static bool needs_quotes(const char *value)
{
    if (!*value)
        return true;
    for (const unsigned char *p = (const unsigned char *)value; *p; p++)
        if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p == 0x7f)
            return true;
    return false;
}

static void put_pair(lt_buf *line, const char *key, const char *value)
{
    if (logger.format == LT_LOG_FORMAT_JSON) {
        lt_buf_printf(line, ",\"%s\":\"", key);
        put_escaped(line, value);
        lt_buf_putc(line, '"');
        return;
    }
    lt_buf_printf(line, " %s=", key);
    const bool quotes = needs_quotes(value);
    if (quotes)
        lt_buf_putc(line, '"');
    put_escaped(line, value);
    if (quotes)
        lt_buf_putc(line, '"');
}

static void put_head(lt_buf *line, lt_log_level level, const char *event)
{
    static const char *const colours[] = {"\033[2m", "", "\033[33m", "\033[31m"};
    char when[32];
    lt_wall_text(lt_wall_ms(), when);
    if (logger.format == LT_LOG_FORMAT_JSON)
        lt_buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"event\":\"%s\"",
                      when, level_words[level], logger.program, event);
    else if (logger.format == LT_LOG_FORMAT_LOGFMT)
        lt_buf_printf(line, "time=%s level=%s program=%s event=%s", when, level_words[level],
                      logger.program, event);
    else
        lt_buf_printf(line, "%.8s %s%-11s %s%s", when + 11, logger.colour ? colours[level] : "",
                      logger.program, event, logger.colour ? "\033[0m" : "");
}

static void put_line(lt_buf *line)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    lt_buf_puts(line, logger.format == LT_LOG_FORMAT_JSON ? "}\n" : "\n");
    pthread_mutex_lock(&lock);
    const ssize_t put = write(STDERR_FILENO, line->data, line->len);
    (void)put; /* a closed standard error must not stop the work */
    pthread_mutex_unlock(&lock);
}

/* Moves *args past the values that vsnprintf would take for `format` (one conversion at most). */
static void format_value(char *out, size_t out_bytes, const char *format, va_list *args)
{
    const char *percent = strchr(format, '%');
    if (!percent) {
        snprintf(out, out_bytes, "%s", format);
        return;
    }
    const char *p = percent + 1;
    p += strspn(p, "-+ #0123456789");
    int precision = -1;
    if (*p == '.') {
        p++;
        if (*p == '*') {
            precision = va_arg(*args, int);
            p++;
        }
        p += strspn(p, "0123456789");
    }
    int longs = 0;
    for (; *p == 'l' || *p == 'z' || *p == 'j'; p++)
        longs++;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (*p == 's' && precision >= 0)
        snprintf(out, out_bytes, format, precision, va_arg(*args, char *));
    else if (*p == 's')
        snprintf(out, out_bytes, format, va_arg(*args, char *));
    else if (*p == 'f' || *p == 'g' || *p == 'e')
        snprintf(out, out_bytes, format, va_arg(*args, double));
    else if (longs)
        snprintf(out, out_bytes, format, va_arg(*args, uint64_t));
    else
        snprintf(out, out_bytes, format, va_arg(*args, unsigned));
#pragma GCC diagnostic pop
}

void lt_log(lt_log_level level, const char *event, ...)
{
    if (!lt_log_on(level))
        return;
    lt_buf line = {0};
    put_head(&line, level, event);
    va_list args;
    va_start(args, event);
    for (const char *key; (key = va_arg(args, const char *));) {
        const char *format = va_arg(args, const char *);
        char value[2048];
        format_value(value, sizeof value, format, &args);
        put_pair(&line, key, value);
    }
    va_end(args);
    put_line(&line);
    lt_buf_fini(&line);
}

void lt_log_failure(lt_log_level level, const char *event, const lt_error *error)
{
    char text[LT_ERROR_TEXT_BYTES];
    lt_log(level, event, "status", "%s", lt_status_word(error->status), "error", "%s",
           lt_error_text(error, text, sizeof text), NULL);
}
