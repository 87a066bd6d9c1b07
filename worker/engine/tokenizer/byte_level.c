#include "worker/engine/tokenizer/byte_level.h"

#include "worker/engine/tokenizer/unicode.h"

/* Bytes that stand for themselves: '!' to '~', U+00A1 to U+00AC, U+00AE to U+00FF. The other 68,
 * in ascending order, are U+0100, U+0101, ... */
uint32_t lt_byte_level_char(uint8_t byte)
{
    if (byte < 0x21)
        return 0x100u + byte;
    if (byte < 0x7f)
        return byte;
    if (byte < 0xa1)
        return 0x121u + (byte - 0x7fu);
    return byte == 0xad ? 0x143 : byte;
}

int lt_byte_level_byte(uint32_t c)
{
    if (c < 0x100)
        return c < 0x21 || (c > 0x7e && c < 0xa1) || c == 0xad ? -1 : (int)c;
    if (c < 0x121)
        return (int)(c - 0x100);
    if (c < 0x143)
        return (int)(c - 0x121 + 0x7f);
    return c == 0x143 ? 0xad : -1;
}

void lt_byte_level_add(lt_text text, lt_buf *out)
{
    char *to = lt_buf_reserve(out, 2 * text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        len += (size_t)lt_utf8_encode(lt_byte_level_char((uint8_t)text.data[i]), to + len);
    out->len += len;
    out->data[out->len] = '\0';
}

bool lt_byte_level_decode(lt_text token, lt_buf *out)
{
    for (size_t at = 0; at < token.len;) {
        uint32_t c;
        at += (size_t)lt_utf8_decode(token.data + at, &c);
        int byte = lt_byte_level_byte(c);
        if (byte < 0)
            return false;
        lt_buf_putc(out, (char)byte);
    }
    return true;
}
