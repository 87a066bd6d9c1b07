/* The four Unicode normal forms as the library has them: its tables are those of an older Unicode,
 * so a few code points that utf8proc decomposes, composes or reorders are left alone. */
#ifndef LT_TOKENIZER_NORMAL_FORM_H
#define LT_TOKENIZER_NORMAL_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/engine/tokenizer/tokenizer.h"

typedef enum lt_normal_form { LT_NFC, LT_NFD, LT_NFKC, LT_NFKD } lt_normal_form;

#define LT_DECOMPOSED_MAX 32 /* code points that one decomposes into: 18 at most */

/* Appends `text` (valid UTF-8) in `form` to *out. `points` is working memory, kept for reuse. */
void lt_normal_form_add(lt_normal_form form, lt_text text, lt_buf *points, lt_buf *out);

/* True if the form leaves every text of such code points (below the bound) as it is. */
static inline uint32_t lt_normal_form_stable(lt_normal_form form)
{
    return form == LT_NFC ? 0x300 : form == LT_NFD ? 0xc0 : 0xa0;
}

/* The full decomposition of one code point; returns the count. */
int lt_decompose(uint32_t c, bool compatible, uint32_t out[LT_DECOMPOSED_MAX]);
uint8_t lt_combining_class(uint32_t c);

#endif
