#include "client/numbers.h"

#include <string.h>

bool lt_number_from(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    if (!*text || strlen(text) > 10)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    if (value < min || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

static uint32_t digits(const char *text, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (uint32_t)(text[i] - '0');
    return value;
}

bool lt_date_is_valid(const char *text)
{
    static const uint32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(text) != 10 || strspn(text, "0123456789-") != 10 || text[4] != '-' ||
        text[7] != '-' || strspn(text, "0123456789") != 4 || strspn(text + 5, "0123456789") != 2 ||
        strspn(text + 8, "0123456789") != 2)
        return false;
    const uint32_t year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (leap && month == 2);
}
