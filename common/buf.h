/* A growable run of bytes, always followed by a NUL that `len` does not count. Zeroed memory is
 * an empty buffer. Running out of memory aborts: buffers hold what limits.h has bounded. */
#ifndef LT_COMMON_BUF_H
#define LT_COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

typedef struct lt_buf {
    char *data;     /* owned; NULL while empty */
    size_t len;
    size_t cap;
} lt_buf;

void lt_buf_fini(lt_buf *buf);                         /* safe on zeroed memory; leaves it empty */
void lt_buf_clear(lt_buf *buf);                        /* len = 0, memory kept */
char *lt_buf_reserve(lt_buf *buf, size_t more);        /* room for `more` bytes after len; pointer to them */
void lt_buf_add(lt_buf *buf, const void *bytes, size_t count);
void lt_buf_puts(lt_buf *buf, const char *text);
void lt_buf_putc(lt_buf *buf, char c);
void lt_buf_printf(lt_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *lt_buf_str(const lt_buf *buf);             /* never NULL */
char *lt_buf_take(lt_buf *buf);                        /* the bytes, now the caller's to free(); never NULL */

/* Memory or abort, for bounded sizes. */
void *lt_alloc(size_t bytes);                          /* zeroed */
void *lt_realloc(void *memory, size_t bytes);
char *lt_strdup(const char *text);
char *lt_strndup(const char *text, size_t len);

#endif
