/* The example's checkpoints against transformers. */
#include "tests/parity/expected_scores.h"

static void check(const char *name)
{
    char dir[512], path[512];
    snprintf(dir, sizeof dir, "%s/examples/xstest/models/%s", LT_SOURCE_DIR, name);
    snprintf(path, sizeof path, "%s/tests/parity/expected/%s.jsonl", LT_SOURCE_DIR, name);
    expected_check(dir, path, false, LEFTTAIL__PRECISION__PRECISION_F32, 0);
    expected_check(dir, path, false, LEFTTAIL__PRECISION__PRECISION_BF16, 0.02);
}

static void test_refusal(void **state)
{
    (void)state;
    check("refusal");
}

static void test_safety_rm(void **state)
{
    (void)state;
    check("safety-rm");
}

static void test_helpful_rm(void **state)
{
    (void)state;
    check("helpful-rm");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_safety_rm),
        cmocka_unit_test(test_helpful_rm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
