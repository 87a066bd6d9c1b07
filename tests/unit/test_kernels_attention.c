/* Attention against the definition written as plain loops, bit by bit, for every family; and what
 * the definition promises: a query's result does not depend on the other queries or on later keys.
 */
#include "tests/unit/test_kernels_support.h"

#include "worker/engine/kernels/attention.h"

typedef struct problem {
    lt_attention x;
    guarded q, k, v;
} problem;

static size_t count_of(uint32_t rows, size_t stride, uint32_t heads, uint32_t head_dim)
{
    return (rows - 1) * stride + (size_t)heads * head_dim;
}

static size_t out_count(const problem *p)
{
    return count_of(p->x.queries, p->x.out_stride, p->x.heads, p->x.head_dim);
}

static void problem_init(problem *p, uint32_t queries, uint32_t keys, uint32_t heads,
                         uint32_t kv_heads, uint32_t head_dim)
{
    p->x = (lt_attention){
        .q_stride = heads * head_dim + 3,
        .kv_stride = kv_heads * head_dim + 5,
        .out_stride = heads * head_dim + 1,
        .queries = queries,
        .keys = keys,
        .query_position = keys - queries,
        .heads = heads,
        .kv_heads = kv_heads,
        .head_dim = head_dim,
        .left = LT_WINDOW_ALL,
        .right = LT_WINDOW_ALL,
        .scale = 1.0f / sqrtf((float)head_dim),
    };
    p->q = guarded_floats(count_of(queries, p->x.q_stride, heads, head_dim), random_usual, false);
    p->k = guarded_floats(count_of(keys, p->x.kv_stride, kv_heads, head_dim), random_usual, false);
    p->v = guarded_floats(count_of(keys, p->x.kv_stride, kv_heads, head_dim), random_usual, false);
    p->x.q = p->q.data;
    p->x.k = p->k.data;
    p->x.v = p->v.data;
}

static void problem_fini(problem *p)
{
    guarded_free(&p->q);
    guarded_free(&p->k);
    guarded_free(&p->v);
}

static float operand(const lt_attention *x, float value)
{
    if (x->precision == LT_PRECISION_BF16)
        lt_kernels_by_name("scalar")->round_bf16(&value, &value, 1);
    return value;
}

/* a . b in the order of the precision; element i of b is b[i * step] */
static float dot(const lt_attention *x, const float *a, const float *b, size_t step, uint32_t begin,
                 uint32_t end)
{
    float sum = 0.0f;
    if (x->precision == LT_PRECISION_F32) {
        for (uint32_t i = begin; i < end; i++)
            sum = fmaf(a[i], b[i * step], sum);
        return sum;
    }
    for (uint32_t block = begin / 32 * 32; block < end; block += 32) {
        float chain[2] = {0.0f, 0.0f};
        for (uint32_t i = block; i < block + 32; i++)
            if (i >= begin && i < end)
                chain[i % 2] = fmaf(operand(x, a[i]), operand(x, b[i * step]), chain[i % 2]);
        sum = sum + (chain[0] + chain[1]);
    }
    return sum;
}

static void define_query(const lt_attention *x, uint32_t query, uint32_t head, float *out)
{
    const lt_kernels *scalar = lt_kernels_by_name("scalar");
    const uint64_t position = x->query_position + query;
    const uint32_t begin =
        x->left == LT_WINDOW_ALL || position < x->left ? 0 : (uint32_t)position - x->left;
    const uint32_t end = x->right == LT_WINDOW_ALL || position + x->right + 1 > x->keys
                             ? x->keys
                             : (uint32_t)position + x->right + 1;
    const size_t kv = (size_t)(head / (x->heads / x->kv_heads)) * x->head_dim;
    const float *q = x->q + query * x->q_stride + (size_t)head * x->head_dim;
    float *s = calloc(x->keys, sizeof *s);
    for (uint32_t key = begin; key < end; key++)
        s[key] = dot(x, q, x->k + key * x->kv_stride + kv, 1, 0, x->head_dim);
    const float sum = scalar->softmax(s, begin, end, x->keys, x->scale, x->softcap,
                                      x->precision == LT_PRECISION_BF16);
    for (uint32_t i = 0; i < x->head_dim; i++)
        out[i] = dot(x, s, x->v + kv + i, x->kv_stride, begin, end);
    scalar->normalise(out, out, x->head_dim, sum, x->round_bf16);
    free(s);
}

static void *scratch_for(const lt_attention *x)
{
    void *scratch = aligned_alloc(64, (lt_attention_scratch_bytes(x) + 63) / 64 * 64);
    assert_non_null(scratch);
    return scratch;
}

static void check_problem(const problem *p, const lt_kernels *family)
{
    lt_attention x = p->x;
    guarded out = guarded_floats(out_count(p), random_usual, false);
    x.out = out.data;
    guarded scratch = guarded_make((lt_attention_scratch_bytes(&x) + 63) / 64 * 64, false);
    const uint32_t middle = random_u32() % (x.heads + 1);
    lt_attention_run(family, &x, middle, x.heads, scratch.data);
    lt_attention_run(family, &x, 0, middle, scratch.data);
    float *expected = malloc(x.head_dim * sizeof *expected);
    for (uint32_t query = 0; query < x.queries; query++)
        for (uint32_t head = 0; head < x.heads; head++) {
            define_query(&x, query, head, expected);
            assert_same_floats(expected, x.out + query * x.out_stride + (size_t)head * x.head_dim,
                               x.head_dim,
                               "%s, precision %d, %u queries, %u keys, query %u, head %u",
                               family->name, x.precision, x.queries, x.keys, query, head);
        }
    free(expected);
    guarded_free(&out);
    guarded_free(&scratch);
}

static void check_families(problem *p)
{
    const char *name, *refusal;
    const lt_kernels *kernels;
    for (int bf16 = 0; bf16 < 2; bf16++)
        for (size_t i = 0; lt_kernels_list(i, &name, &kernels, &refusal); i++) {
            p->x.precision = bf16 ? LT_PRECISION_BF16 : LT_PRECISION_F32;
            p->x.round_bf16 = bf16;
            if (kernels)
                check_problem(p, kernels);
        }
}

static void test_shapes(void **state)
{
    (void)state;
    static const uint32_t shapes[][5] = {
        /* queries, keys, heads, kv heads, head_dim */
        {1, 1, 1, 1, 8},     {5, 5, 2, 2, 32},    {33, 33, 2, 1, 16},
        {64, 64, 3, 3, 32},  {1, 70, 6, 2, 64},   {13, 40, 2, 2, 48},
        {31, 31, 1, 1, 128}, {20, 100, 4, 1, 33}, {2, 3, 2, 1, 256},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int mask = 0; mask < 4; mask++) {
            problem p;
            problem_init(&p, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], shapes[i][4]);
            p.x.right = mask == 1 || mask == 3 ? 0 : mask == 2 ? 9 : LT_WINDOW_ALL;
            p.x.left = mask == 2 ? 9 : mask == 3 ? 37 : LT_WINDOW_ALL;
            p.x.softcap = mask == 3 ? 5.0f : 0.0f;
            check_families(&p);
            problem_fini(&p);
        }
}

/* The plain formula in double precision. */
static void test_formula(void **state)
{
    (void)state;
    problem p;
    problem_init(&p, 10, 50, 2, 2, 64);
    float out[10 * 129];
    p.x.out = out;
    const lt_kernels *best;
    assert_int_equal(lt_kernels_best(&best, NULL), LT_OK);
    void *scratch = scratch_for(&p.x);
    lt_attention_run(best, &p.x, 0, 2, scratch);
    for (uint32_t query = 0; query < 10; query++) {
        double e[50], sum = 0.0;
        for (uint32_t key = 0; key < 50; key++) {
            double s = 0.0;
            for (uint32_t i = 0; i < 64; i++)
                s += (double)p.x.q[query * p.x.q_stride + 64 + i] *
                     (double)p.x.k[key * p.x.kv_stride + 64 + i];
            sum += e[key] = exp(s / 8.0);
        }
        for (uint32_t i = 0; i < 64; i++) {
            double y = 0.0;
            for (uint32_t key = 0; key < 50; key++)
                y += e[key] / sum * (double)p.x.v[key * p.x.kv_stride + 64 + i];
            assert_true(fabs(y - (double)out[query * p.x.out_stride + 64 + i]) < 2e-6);
        }
    }
    free(scratch);
    problem_fini(&p);
}

/* Causal: the first queries of a long text, of the text cut short, and one by one: the same bits.
 */
static void test_prefix(void **state)
{
    (void)state;
    const lt_kernels *best;
    assert_int_equal(lt_kernels_best(&best, NULL), LT_OK);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        problem p;
        problem_init(&p, 90, 90, 2, 1, 32);
        p.x.right = 0;
        p.x.precision = bf16 ? LT_PRECISION_BF16 : LT_PRECISION_F32;
        float *whole = malloc(out_count(&p) * sizeof *whole),
              *part = malloc(out_count(&p) * sizeof *part);
        void *scratch = scratch_for(&p.x);
        lt_attention x = p.x;
        x.out = whole;
        lt_attention_run(best, &x, 0, 2, scratch);
        for (uint32_t length = 1; length <= 90; length += 7) {
            x = p.x;
            x.out = part;
            x.queries = x.keys = length;
            lt_attention_run(best, &x, 0, 2, scratch);
            for (uint32_t query = 0; query < length; query++)
                assert_same_floats(whole + query * x.out_stride, part + query * x.out_stride, 64,
                                   "cut to %u", length);
            x.q += (length - 1) * x.q_stride;
            x.query_position = length - 1;
            x.queries = 1;
            lt_attention_run(best, &x, 0, 2, scratch);
            assert_same_floats(whole + (length - 1) * x.out_stride, part, 64, "query %u alone",
                               length - 1);
        }
        free(whole);
        free(part);
        free(scratch);
        problem_fini(&p);
    }
}

static int set_up(void **state)
{
    (void)state;
    lt_kernels_thread_init();
    seed_random();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_prefix),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
