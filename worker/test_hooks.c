#include "worker/test_hooks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool response_has(const lt_item *item, const char *needle)
{
    if (!needle || !*needle)
        return false;
    const char *text = item->text;
    size_t len = item->text_len;
    if (item->template == LT_TEMPLATE_PAIR) {
        text = item->pair;
        len = item->pair_len;
    } else if (item->template == LT_TEMPLATE_CHAT) {
        text = item->messages[item->message_count - 1].content;
        len = item->messages[item->message_count - 1].content_len;
    }
    return memmem(text, len, needle, strlen(needle)) != NULL;
}

void lt_test_hooks_on_item(const lt_item *item)
{
    if (response_has(item, getenv("LEFTTAIL_TEST_ENGINE_CRASH")))
        abort();
    while (response_has(item, getenv("LEFTTAIL_TEST_ENGINE_HANG")))
        pause();
    const char *slow = getenv("LEFTTAIL_TEST_SLOW_MS");
    const long ms = slow ? atol(slow) : 0;
    if (ms > 0)
        nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}
