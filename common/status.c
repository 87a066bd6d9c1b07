#include "common/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *lt_status_word(lt_status status)
{
    static const char *const words[] = {
#define X(name, word, code) word,
        LT_STATUS_LIST(X)
#undef X
    };
    return (size_t)status < sizeof words / sizeof *words ? words[status] : "unknown";
}

int lt_status_exit_code(lt_status status)
{
    static const int codes[] = {
#define X(name, word, code) code,
        LT_STATUS_LIST(X)
#undef X
    };
    return (size_t)status < sizeof codes / sizeof *codes ? codes[status] : 1;
}

/* Copies text with control characters escaped; cuts at a UTF-8 boundary and ends in "...". */
static void put_clean(char *out, size_t out_bytes, const char *text)
{
    size_t used = 0;
    const size_t room = out_bytes - 4;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        size_t need = *p < 0x20 || *p == 0x7f ? 4 : 1;
        if (used + need > room) {
            while (used > 0 && ((unsigned char)out[used - 1] & 0xc0) == 0x80)
                used--;
            if (used > 0 && (unsigned char)out[used - 1] >= 0xc0)
                used--;
            memcpy(out + used, "...", 4);
            return;
        }
        if (need == 4)
            snprintf(out + used, 5, "\\x%02x", *p);
        else
            out[used] = (char)*p;
        used += need;
    }
    out[used] = '\0';
}

static void put_format(char *out, size_t out_bytes, const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    put_clean(out, out_bytes, text);
}

lt_status lt_fail(lt_error *error, lt_status status, const char *where, const char *format, ...)
{
    if (!error)
        return status;
    memset(error, 0, sizeof *error);
    error->status = status;
    if (where)
        put_clean(error->where, sizeof error->where, where);
    va_list args;
    va_start(args, format);
    put_format(error->what, sizeof error->what, format, args);
    va_end(args);
    return status;
}

static lt_status status_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return LT_FULL;
    case ENOENT:
        return LT_NOT_FOUND;
    case EACCES:
    case EPERM:
        return LT_DENIED;
    case ENOMEM:
        return LT_MEMORY;
    default:
        return LT_IO;
    }
}

lt_status lt_fail_errno(lt_error *error, const char *where, const char *format, ...)
{
    const int number = errno;
    const lt_status status = status_of_errno(number);
    if (!error)
        return status;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return lt_fail(error, status, where, "%s: %s", text, strerror(number));
}

lt_status lt_expected(lt_error *error, lt_status status, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        put_format(error->expected, sizeof error->expected, format, args);
        va_end(args);
    }
    return status;
}

lt_status lt_remedy(lt_error *error, lt_status status, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        put_format(error->remedy, sizeof error->remedy, format, args);
        va_end(args);
    }
    return status;
}

const char *lt_error_text(const lt_error *error, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "%s%s%s%s%s%s%s%s", error->where, error->where[0] ? ": " : "",
             error->what, error->expected[0] ? "; expected " : "", error->expected,
             error->remedy[0] ? " (" : "", error->remedy, error->remedy[0] ? ")" : "");
    return out;
}

_Noreturn void lt_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "lefttail: bug: %s:%d: %s does not hold\n", file, line, condition);
    abort();
}
