/* A Llama with 30 layers against transformers. The checkpoint is 269 MB and is not in the
 * repository: LT_SMOLLM2_DIR names the directory with its expected.jsonl. Skipped without it. */
#include "tests/parity/expected_scores.h"

static const char *dir;
static char path[512];

static void test_rendered(void **state)
{
    (void)state;
    expected_check(dir, path, false, LEFTTAIL__PRECISION__PRECISION_F32, 0);
    expected_check(dir, path, false, LEFTTAIL__PRECISION__PRECISION_BF16, 0.05);
}

static void test_chat_template(void **state)
{
    (void)state;
    expected_check(dir, path, true, LEFTTAIL__PRECISION__PRECISION_F32, 0);
}

int main(void)
{
    dir = getenv("LT_SMOLLM2_DIR");
    if (!dir || !*dir) {
        puts("skipped: LT_SMOLLM2_DIR does not name the complete smollm2-safety-rm checkpoint");
        return 77;
    }
    snprintf(path, sizeof path, "%s/expected.jsonl", dir);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rendered),
        cmocka_unit_test(test_chat_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
