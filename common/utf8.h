/* UTF-8 as RFC 3629 has it: no surrogates, nothing over U+10FFFF, shortest forms only. */
#ifndef LT_COMMON_UTF8_H
#define LT_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

bool lt_utf8_valid(const char *text, size_t len);

/* Appends text with every maximal ill-formed subpart replaced by U+FFFD (Unicode 15, 3.9;
 * Python's errors="replace"). Returns how many were replaced. */
size_t lt_utf8_repair(const char *text, size_t len, lt_buf *out);

#endif
