/* One line per event on standard error: an event name and key-value pairs. Three forms: a
 * person's (a terminal's default), logfmt (a pipe's default), JSON lines. Thread-safe.
 *
 *     lt_log_info("lease_granted", "job", "%s", job_id, "items", "%u", count, NULL);
 *
 * Arguments after the event come in groups: key, printf format, values of the format. The format
 * may hold at most one conversion; the list ends with NULL. Values are quoted and escaped as the
 * form needs, so bytes from outside are safe to log. */
#ifndef LT_COMMON_LOG_H
#define LT_COMMON_LOG_H

#include <stdbool.h>

#include "common/status.h"

#define LT_LOG_LEVEL_LIST(X) X(DEBUG, "debug") X(INFO, "info") X(WARN, "warn") X(ERROR, "error")
typedef enum lt_log_level {
#define X(name, word) LT_LOG_##name,
    LT_LOG_LEVEL_LIST(X)
#undef X
} lt_log_level;

#define LT_LOG_FORMAT_LIST(X) X(AUTO, "auto") X(TEXT, "text") X(LOGFMT, "logfmt") X(JSON, "json")
typedef enum lt_log_format {
#define X(name, word) LT_LOG_FORMAT_##name,
    LT_LOG_FORMAT_LIST(X)
#undef X
} lt_log_format;

/* The defaults: INFO and AUTO. `program` is in every line ("coordinator"); static storage. */
void lt_log_init(const char *program, lt_log_level level, lt_log_format format);
bool lt_log_level_from(const char *word, lt_log_level *out);   /* false: no such level */
bool lt_log_format_from(const char *word, lt_log_format *out);
bool lt_log_on(lt_log_level level);

void lt_log(lt_log_level level, const char *event, ...);
#define lt_log_debug(...) lt_log(LT_LOG_DEBUG, __VA_ARGS__)
#define lt_log_info(...) lt_log(LT_LOG_INFO, __VA_ARGS__)
#define lt_log_warn(...) lt_log(LT_LOG_WARN, __VA_ARGS__)
#define lt_log_error(...) lt_log(LT_LOG_ERROR, __VA_ARGS__)

/* An error as one line: event, and the sentence under "error". */
void lt_log_failure(lt_log_level level, const char *event, const lt_error *error);

#endif
