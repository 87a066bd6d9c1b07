#include "worker/engine/tokenizer/truncation.h"

/* Both over half of the room: the shorter keeps half, rounded down, the longer the rest (of equal
 * ones the first is the shorter). Otherwise the shorter stays whole. */
static void cut_longest(size_t room, size_t *first, size_t *second)
{
    bool swapped = *first > *second;
    size_t *shorter = swapped ? second : first, *longer = swapped ? first : second;
    if (*shorter <= room && room - *shorter >= *shorter) {
        *longer = room - *shorter;
        return;
    }
    *shorter = room / 2;
    *longer = room - room / 2;
}

lt_status lt_truncation_cut(lt_truncation strategy, bool pair, size_t room, size_t *first,
                            size_t *second, lt_error *error)
{
    size_t total = *first + *second;
    if (total <= room)
        return LT_OK;
    if (room == 0) {
        *first = *second = 0;
        return LT_OK;
    }
    if (strategy == LT_TRUNCATION_LONGEST_FIRST) {
        if (pair)
            cut_longest(room, first, second);
        else
            *first = room;
        return LT_OK;
    }
    if (strategy == LT_TRUNCATION_ONLY_SECOND && !pair)
        return lt_fail(error, LT_LIMIT, NULL,
                       "the text is too long, and only a second text may be cut");
    size_t *target = strategy == LT_TRUNCATION_ONLY_FIRST ? first : second, excess = total - room;
    if (*target <= excess)
        return lt_fail(error, LT_LIMIT, NULL,
                       "the %s text has %zu tokens, too few to cut %zu from it",
                       strategy == LT_TRUNCATION_ONLY_FIRST ? "first" : "second", *target, excess);
    *target -= excess;
    return LT_OK;
}
