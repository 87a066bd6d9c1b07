/* JSON and CSV text whose bytes depend on the values alone. Commas come by themselves: each value
 * or key looks at the byte before it. */
#ifndef LT_REPORT_JSON_H
#define LT_REPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

void lt_json_open(lt_buf *out, char bracket);  /* '{' or '[' */
void lt_json_close(lt_buf *out, char bracket); /* '}' or ']' */
void lt_json_key(lt_buf *out, const char *key);
void lt_json_newline(lt_buf *out); /* the next element starts a line */

void lt_json_null(lt_buf *out);
void lt_json_bool(lt_buf *out, bool value);
void lt_json_uint(lt_buf *out, uint64_t value);
void lt_json_double(lt_buf *out,
                    double value); /* shortest that reads back the same; must be finite */
void lt_json_float(lt_buf *out, float value); /* likewise, as a float32 */
void lt_json_string(lt_buf *out, const char *text);
void lt_json_bytes(lt_buf *out, const char *text, size_t len); /* invalid UTF-8 becomes U+FFFD */

/* A key with its value. */
void lt_json_put_open(lt_buf *out, const char *key, char bracket);
void lt_json_put_null(lt_buf *out, const char *key);
void lt_json_put_bool(lt_buf *out, const char *key, bool value);
void lt_json_put_uint(lt_buf *out, const char *key, uint64_t value);
void lt_json_put_double(lt_buf *out, const char *key, double value);
void lt_json_put_double_if(lt_buf *out, const char *key, bool known, double value); /* else null */
void lt_json_put_string(lt_buf *out, const char *key, const char *text);

/* The numbers alone. */
void lt_text_double(lt_buf *out, double value);
void lt_text_float(lt_buf *out, float value);

/* CSV (RFC 4180, but lines end in LF): every field, quoted where it must be, is followed by a
 * comma, and the end of the line puts its LF in place of the last. */
void lt_csv_field(lt_buf *out, const char *text, size_t len);
void lt_csv_string(lt_buf *out, const char *text);
void lt_csv_uint(lt_buf *out, uint64_t value);
void lt_csv_double(lt_buf *out, double value);
void lt_csv_end(lt_buf *out);

#endif
