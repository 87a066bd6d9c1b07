/* GPT-2's byte alphabet: every byte written as one printable character, U+0100 and on for those
 * that are not printable. */
#ifndef LT_TOKENIZER_BYTE_LEVEL_H
#define LT_TOKENIZER_BYTE_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/engine/tokenizer/tokenizer.h"

uint32_t lt_byte_level_char(uint8_t byte);
int lt_byte_level_byte(uint32_t c);                /* -1: not in the alphabet */
void lt_byte_level_add(lt_text text, lt_buf *out); /* appends the text written so */
/* The bytes that a token stands for, appended; false if it holds any other character. */
bool lt_byte_level_decode(lt_text token, lt_buf *out);

#endif
