/* Packed weights and matrix products: the whole product against a plain loop over the definition,
 * with every epilogue, any split into ranges, every family. */
#include "tests/unit/test_kernels_support.h"

#include "worker/engine/kernels/product.h"

typedef struct shape {
    uint32_t m, n, k;
} shape;

static const shape shapes[] = {{1, 1, 1},   {2, 33, 31}, {13, 64, 64}, {12, 31, 33}, {25, 17, 96},
                               {7, 100, 5}, {5, 16, 32}, {64, 48, 40}, {3, 65, 130}};
#define SHAPE_COUNT (sizeof shapes / sizeof *shapes)

typedef struct problem {
    shape s;
    bool gated;
    lt_product product; /* but for c */
    lt_packed w;
    float *weights[2]; /* [n, k]: main, up */
    float *bias[2];    /* [n] */
    guarded a, residual;
} problem;

static float *make_floats(size_t count)
{
    float *values = malloc((count + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = random_usual();
    return values;
}

static void problem_init(problem *p, shape s, lt_precision precision, lt_activation activation,
                         bool gated, bool with_bias, bool with_residual)
{
    memset(p, 0, sizeof *p);
    p->s = s;
    p->gated = gated;
    lt_error error;
    assert_int_equal(lt_packed_init(&p->w, precision, s.n, s.k, gated, &error), LT_OK);
    assert_int_equal((uintptr_t)p->w.data % 64, 0);
    for (int part = 0; part <= gated; part++) {
        p->weights[part] = make_floats((size_t)s.n * s.k);
        p->bias[part] = make_floats(s.n);
        assert_true(lt_packed_put(&p->w, (lt_packed_part)part, 0, s.n, p->weights[part],
                                  LT_DTYPE_F32) == LT_PACKED_FINITE);
        if (with_bias)
            lt_packed_put_bias(&p->w, (lt_packed_part)part, 0, s.n, p->bias[part], LT_DTYPE_F32);
    }
    const lt_kernels *scalar = lt_kernels_by_name("scalar");
    const size_t a_stride = s.k + s.m % 3, a_count = (s.m - 1) * a_stride + s.k;
    p->a = guarded_floats(a_count, random_usual, false);
    if (precision == LT_PRECISION_BF16) {
        scalar->round_bf16(p->a.data, p->a.data, a_count);
        for (int part = 0; part <= gated; part++)
            scalar->round_bf16(p->weights[part], p->weights[part], (size_t)s.n * s.k);
    }
    p->residual = guarded_floats((s.m - 1) * (s.n + 3) + s.n, random_usual, false);
    p->product = (lt_product){
        .w = &p->w,
        .a = p->a.data,
        .a_stride = a_stride,
        .c_stride = s.n + 2,
        .residual = with_residual ? p->residual.data : NULL,
        .residual_stride = s.n + 3,
        .activation = activation,
        .round_bf16 = with_bias,
    };
}

static void problem_fini(problem *p)
{
    lt_packed_fini(&p->w);
    for (int part = 0; part < 2; part++) {
        free(p->weights[part]);
        free(p->bias[part]);
    }
    guarded_free(&p->a);
    guarded_free(&p->residual);
}

static float dot(const float *a, const float *w, uint32_t k, lt_precision precision)
{
    float sum = 0.0f;
    if (precision == LT_PRECISION_F32) {
        for (uint32_t i = 0; i < k; i++)
            sum = fmaf(a[i], w[i], sum);
        return sum;
    }
    for (uint32_t begin = 0; begin < k; begin += 32) {
        float even = 0.0f, odd = 0.0f;
        for (uint32_t i = begin; i < k && i < begin + 32; i += 2) {
            even = fmaf(a[i], w[i], even);
            if (i + 1 < k)
                odd = fmaf(a[i + 1], w[i + 1], odd);
        }
        sum = sum + (even + odd);
    }
    return sum;
}

/* Element (row, column) as the headers define it. */
static float defined(const problem *p, uint32_t row, uint32_t column)
{
    const lt_kernels *scalar = lt_kernels_by_name("scalar");
    const lt_product *x = &p->product;
    float part[2] = {0};
    for (int i = 0; i <= p->gated; i++) {
        part[i] = dot(x->a + row * x->a_stride, p->weights[i] + (size_t)column * p->s.k, p->s.k,
                      p->w.precision);
        if (p->w.bias)
            part[i] = part[i] + p->bias[i][column];
    }
    float y;
    scalar->activate(&y, &part[0], 1, x->activation);
    if (p->gated)
        y = y * part[1];
    if (x->residual)
        y = y + x->residual[row * x->residual_stride + column];
    if (x->round_bf16)
        scalar->round_bf16(&y, &y, 1);
    return y;
}

static void check_problem(const problem *p, const lt_kernels *family, bool split)
{
    const shape s = p->s;
    const size_t stride = p->product.c_stride, count = (s.m - 1) * stride + s.n;
    guarded c = guarded_floats(count, random_usual, false),
            before = guarded_copy(c.data, count * sizeof(float), false);
    lt_product product = p->product;
    product.c = c.data;
    if (!split) {
        lt_product_run(family, &product, 0, s.m, 0, p->w.block_count);
    } else {
        const size_t row = random_u32() % (s.m + 1);
        const uint32_t block = random_u32() % (p->w.block_count + 1);
        lt_product_run(family, &product, row, s.m, block, p->w.block_count);
        lt_product_run(family, &product, 0, row, block, p->w.block_count);
        lt_product_run(family, &product, 0, s.m, 0, block);
    }
    for (uint32_t row = 0; row < s.m; row++)
        for (uint32_t column = 0; column < stride && row * stride + column < count; column++) {
            const size_t at = row * stride + column;
            const float expected =
                column < s.n ? defined(p, row, column) : ((float *)before.data)[at];
            assert_same_floats(&expected, (float *)c.data + at, 1,
                               "%s, %u x %u x %u, row %u, column %u", family->name, s.m, s.n, s.k,
                               row, column);
        }
    guarded_free(&c);
    guarded_free(&before);
}

static void check_all(const problem *p)
{
    const char *name, *refusal;
    const lt_kernels *kernels;
    for (size_t i = 0; lt_kernels_list(i, &name, &kernels, &refusal); i++)
        if (kernels) {
            check_problem(p, kernels, false);
            check_problem(p, kernels, true);
        }
}

static void test_products(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPE_COUNT; i++)
        for (int precision = LT_PRECISION_F32; precision <= LT_PRECISION_BF16; precision++)
            for (int activation = LT_ACTIVATION_NONE; activation <= LT_ACTIVATION_TANH;
                 activation++) {
                problem p;
                const uint32_t variant = random_u32();
                problem_init(&p, shapes[i], (lt_precision)precision, (lt_activation)activation,
                             variant & 1, variant & 2, variant & 4);
                check_all(&p);
                problem_fini(&p);
            }
}

/* Rows too long for the space that operands have on the stack, in part or as a whole. */
static void test_long_rows(void **state)
{
    (void)state;
    static const shape longest[] = {{13, 3, 9000}, {2, 1, 100001}};
    for (size_t i = 0; i < 2; i++) {
        problem p;
        problem_init(&p, longest[i], LT_PRECISION_BF16, LT_ACTIVATION_NONE, false, false, false);
        check_all(&p);
        problem_fini(&p);
    }
}

/* The residual may be the output. */
static void test_residual_in_place(void **state)
{
    (void)state;
    problem p;
    problem_init(&p, (shape){30, 70, 50}, LT_PRECISION_F32, LT_ACTIVATION_NONE, false, true, true);
    const lt_kernels *best;
    assert_int_equal(lt_kernels_best(&best, NULL), LT_OK);
    const size_t stride = p.product.residual_stride;
    guarded c = guarded_copy(p.residual.data, (29 * stride + 70) * sizeof(float), false);
    lt_product product = p.product;
    product.c = c.data;
    product.c_stride = stride;
    product.residual = c.data;
    lt_product_run(best, &product, 0, 30, 0, p.w.block_count);
    for (uint32_t row = 0; row < 30; row++)
        for (uint32_t column = 0; column < 70; column++) {
            const float expected = defined(&p, row, column);
            assert_same_floats(&expected, product.c + row * stride + column, 1, "in place");
        }
    guarded_free(&c);
    problem_fini(&p);
}

static uint16_t half_of(float x)
{
    return (uint16_t)(bits_from(x) >> 16);
}

/* Every dtype, at odd addresses, in pieces; what went in comes out. */
static void test_packing(void **state)
{
    (void)state;
    enum { n = 37, k = 45 };
    static const lt_dtype dtypes[] = {LT_DTYPE_F32, LT_DTYPE_BF16, LT_DTYPE_F16};
    for (int precision = 0; precision < 2; precision++)
        for (size_t d = 0; d < 3; d++) {
            const size_t bytes = (size_t)n * k * lt_dtype_bytes(dtypes[d]);
            guarded values = guarded_make(
                bytes + 1, false); /* begins at an odd or even address, ends at the page */
            char *raw = (char *)values.data + 1;
            float *wide = make_floats((size_t)n * k);
            for (size_t i = 0; i < (size_t)n * k; i++) {
                const uint16_t half = dtypes[d] == LT_DTYPE_BF16
                                          ? half_of(wide[i])
                                          : (uint16_t)(random_u32() & 0xbfff);
                memcpy(raw + i * lt_dtype_bytes(dtypes[d]),
                       dtypes[d] == LT_DTYPE_F32 ? (void *)&wide[i] : (void *)&half,
                       lt_dtype_bytes(dtypes[d]));
            }
            lt_kernels_by_name("scalar")->widen(wide, raw, dtypes[d], (size_t)n * k);
            if (precision == LT_PRECISION_BF16)
                lt_kernels_by_name("scalar")->round_bf16(wide, wide, (size_t)n * k);
            lt_packed w;
            lt_error error;
            assert_int_equal(lt_packed_init(&w, (lt_precision)precision, n, k, false, &error),
                             LT_OK);
            const size_t row_bytes = k * lt_dtype_bytes(dtypes[d]);
            assert_true(lt_packed_put(&w, LT_PACKED_MAIN, 20, n - 20, raw + 20 * row_bytes,
                                      dtypes[d]) == LT_PACKED_FINITE);
            assert_true(lt_packed_put(&w, LT_PACKED_MAIN, 0, 20, raw, dtypes[d]) ==
                        LT_PACKED_FINITE);
            for (uint32_t row = 0; row < n; row++) {
                float out[k];
                lt_packed_row(&w, LT_PACKED_MAIN, row, out);
                assert_same_floats(wide + (size_t)row * k, out, k,
                                   "dtype %zu, precision %d, row %u", d, precision, row);
            }
            lt_packed_fini(&w);
            free(wide);
            guarded_free(&values);
        }
}

static void test_not_finite(void **state)
{
    (void)state;
    enum { n = 40, k = 50 };
    for (int precision = 0; precision < 2; precision++) {
        lt_packed w;
        lt_error error;
        assert_int_equal(lt_packed_init(&w, (lt_precision)precision, n, k, false, &error), LT_OK);
        float *weights = make_floats((size_t)n * k);
        for (int tries = 0; tries < 20; tries++) {
            const size_t at = random_u32() % (n * k);
            const float kept = weights[at];
            weights[at] = tries % 2 ? NAN : -INFINITY;
            weights[n * k - 1] = NAN;
            assert_int_equal(lt_packed_put(&w, LT_PACKED_MAIN, 0, n, weights, LT_DTYPE_F32), at);
            weights[n * k - 1] = 0.0f;
            weights[at] = kept;
        }
        weights[77] = 3.4e38f; /* rounds to infinity in bf16 */
        assert_true(lt_packed_put(&w, LT_PACKED_MAIN, 0, n, weights, LT_DTYPE_F32) ==
                    (precision == LT_PRECISION_BF16 ? 77 : LT_PACKED_FINITE));
        const uint16_t halves[] = {0x3c00, 0x7bff, 0x7c00};
        assert_int_equal(lt_first_not_finite(halves, LT_DTYPE_F16, 3), 2);
        assert_true(lt_first_not_finite(halves, LT_DTYPE_BF16, 3) == LT_PACKED_FINITE);
        weights[3] = NAN;
        assert_int_equal(lt_packed_put_bias(&w, LT_PACKED_MAIN, 0, n, weights, LT_DTYPE_F32), 3);
        free(weights);
        lt_packed_fini(&w);
    }
}

/* Every f16 widens to what it means. */
static void check_f16(const lt_kernels *scalar, const lt_kernels *family)
{
    (void)scalar;
    for (uint32_t h = 0; h < 0x10000; h++) {
        const uint16_t half = (uint16_t)h;
        const uint32_t exponent = (h >> 10) & 31, fraction = h & 0x3ff;
        if (exponent == 31)
            continue;
        const double size =
            exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);
        float x;
        family->widen(&x, &half, LT_DTYPE_F16, 1);
        assert_true((double)x == (h & 0x8000 ? -size : size));
    }
}

static void test_f16(void **state)
{
    (void)state;
    for_each_family(check_f16);
    check_f16(NULL, lt_kernels_by_name("scalar"));
}

static void test_too_big(void **state)
{
    (void)state;
    lt_packed w;
    lt_error error;
    assert_int_not_equal(
        lt_packed_init(&w, LT_PRECISION_F32, UINT32_MAX, UINT32_MAX, false, &error), LT_OK);
    lt_packed_fini(&w);
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
        cmocka_unit_test(test_products),   cmocka_unit_test(test_residual_in_place),
        cmocka_unit_test(test_long_rows),  cmocka_unit_test(test_packing),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_f16),
        cmocka_unit_test(test_too_big),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
