#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/status.h"

void *lt_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    LT_ASSERT(memory != NULL);
    return memory;
}

void *lt_realloc(void *memory, size_t bytes)
{
    void *grown = realloc(memory, bytes ? bytes : 1);
    LT_ASSERT(grown != NULL);
    return grown;
}

char *lt_strndup(const char *text, size_t len)
{
    char *copy = lt_alloc(len + 1);
    memcpy(copy, text, len);
    return copy;
}

char *lt_strdup(const char *text)
{
    return lt_strndup(text, strlen(text));
}

void lt_buf_fini(lt_buf *buf)
{
    free(buf->data);
    memset(buf, 0, sizeof *buf);
}

void lt_buf_clear(lt_buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

char *lt_buf_reserve(lt_buf *buf, size_t more)
{
    LT_ASSERT(more < SIZE_MAX / 4 && buf->len < SIZE_MAX / 4);
    const size_t need = buf->len + more + 1;
    if (need > buf->cap) {
        size_t cap = buf->cap ? buf->cap : 64;
        while (cap < need)
            cap += cap / 2 + 1;
        buf->data = lt_realloc(buf->data, cap);
        buf->cap = cap;
        buf->data[buf->len] = '\0';
    }
    return buf->data + buf->len;
}

void lt_buf_add(lt_buf *buf, const void *bytes, size_t count)
{
    char *end = lt_buf_reserve(buf, count);
    if (count)
        memcpy(end, bytes, count);
    end[count] = '\0';
    buf->len += count;
}

void lt_buf_puts(lt_buf *buf, const char *text)
{
    lt_buf_add(buf, text, strlen(text));
}

void lt_buf_putc(lt_buf *buf, char c)
{
    lt_buf_add(buf, &c, 1);
}

void lt_buf_printf(lt_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    LT_ASSERT(len >= 0);
    char *end = lt_buf_reserve(buf, (size_t)len);
    vsnprintf(end, (size_t)len + 1, format, again);
    va_end(again);
    buf->len += (size_t)len;
}

const char *lt_buf_str(const lt_buf *buf)
{
    return buf->data ? buf->data : "";
}

char *lt_buf_take(lt_buf *buf)
{
    lt_buf_reserve(buf, 0);
    char *bytes = buf->data;
    memset(buf, 0, sizeof *buf);
    return bytes;
}
