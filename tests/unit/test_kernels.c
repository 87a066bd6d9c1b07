/* Every kernel family returns the bits of the scalar definition, touches nothing outside its
 * shapes, and is chosen as the environment says. */
#include "tests/unit/test_kernels_support.h"

static float (*const makers[])(void) = {random_usual, random_wild, random_any};
#define MAKER_COUNT (sizeof makers / sizeof *makers)

typedef void (*unary)(const lt_kernels *kernels, float *dst, const float *a, const float *b,
                      size_t count);

static void do_round(const lt_kernels *k, float *dst, const float *a, const float *b, size_t count)
{
    (void)b;
    k->round_bf16(dst, a, count);
}

static void do_add(const lt_kernels *k, float *dst, const float *a, const float *b, size_t count)
{
    k->add(dst, a, b, count);
}

static void do_scale(const lt_kernels *k, float *dst, const float *a, const float *b, size_t count)
{
    (void)b;
    k->scale(dst, a, count, 0.3f);
}

#define X(name, word)                                                                              \
    static void do_##name(const lt_kernels *k, float *dst, const float *a, const float *b,         \
                          size_t count)                                                            \
    {                                                                                              \
        (void)b;                                                                                   \
        k->activate(dst, a, count, LT_ACTIVATION_##name);                                          \
    }                                                                                              \
    static void do_gate_##name(const lt_kernels *k, float *dst, const float *a, const float *b,    \
                               size_t count)                                                       \
    {                                                                                              \
        k->gate(dst, a, b, count, LT_ACTIVATION_##name);                                           \
    }
LT_ACTIVATION_LIST(X)
#undef X

static void do_widen_bf16(const lt_kernels *k, float *dst, const float *a, const float *b,
                          size_t count)
{
    (void)b;
    k->widen(dst, (const char *)a + 2 * count, LT_DTYPE_BF16, count);
}

static void do_widen_f16(const lt_kernels *k, float *dst, const float *a, const float *b,
                         size_t count)
{
    (void)b;
    k->widen(dst, (const char *)a + 2 * count, LT_DTYPE_F16, count);
}

static void do_widen_add(const lt_kernels *k, float *dst, const float *a, const float *b,
                         size_t count)
{
    (void)b;
    k->widen_add(dst, a, LT_DTYPE_F32, count);
    k->widen_add(dst, (const char *)a + 2 * count, LT_DTYPE_BF16, count);
}

static void do_softmax(const lt_kernels *k, float *dst, const float *a, const float *b,
                       size_t count)
{
    if (count == 0)
        return;
    const size_t begin = bits_from(b[0]) % count,
                 end = begin + 1 + bits_from(b[count - 1]) % (count - begin);
    const bool round = count % 2;
    memcpy(dst, a, count * sizeof *dst);
    const float sum = k->softmax(dst, begin, end, count, 0.125f, count % 3 ? 0.0f : 20.0f, round);
    k->normalise(dst, dst, count, sum, round);
}

static void do_rms_norm(const lt_kernels *k, float *dst, const float *a, const float *b,
                        size_t count)
{
    k->rms_norm(dst, NULL, a, count, b, 1e-6f, 1, count);
}

static void do_layer_norm_rounded(const lt_kernels *k, float *dst, const float *a, const float *b,
                                  size_t count)
{
    k->layer_norm(NULL, dst, a, count, b, NULL, 1e-12f, 1, count);
}

static void do_layer_norm(const lt_kernels *k, float *dst, const float *a, const float *b,
                          size_t count)
{
    memcpy(dst, a, count * sizeof *dst);
    k->layer_norm(dst, NULL, dst, count, b, b, 1e-5f, 1, count);
}

#define X(name, word) {"activate " word, do_##name}, {"gate " word, do_gate_##name},
static const struct {
    const char *name;
    unary run;
} cases[] = {
    LT_ACTIVATION_LIST(X){"round_bf16", do_round},
    {"add", do_add},
    {"scale", do_scale},
    {"widen bf16", do_widen_bf16},
    {"widen f16", do_widen_f16},
    {"widen_add", do_widen_add},
    {"softmax", do_softmax},
    {"rms_norm", do_rms_norm},
    {"layer_norm", do_layer_norm},
    {"layer_norm rounded", do_layer_norm_rounded},
};
#undef X

static void check_vector(const lt_kernels *scalar, const lt_kernels *family, size_t at,
                         size_t count, float (*make)(void), bool at_start)
{
    guarded a = guarded_floats(count, make, at_start),
            b = guarded_floats(count, random_usual, at_start);
    guarded expected = guarded_floats(count, random_usual, at_start);
    guarded found = guarded_copy(expected.data, count * sizeof(float), at_start);
    cases[at].run(scalar, expected.data, a.data, b.data, count);
    cases[at].run(family, found.data, a.data, b.data, count);
    assert_same_floats(expected.data, found.data, count, "%s: %s of %zu numbers", family->name,
                       cases[at].name, count);
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&expected);
    guarded_free(&found);
}

static void check_vectors(const lt_kernels *scalar, const lt_kernels *family)
{
    static const size_t counts[] = {0,  1,  2,  3,  7,  8,  9,  15,  16,  17,   31,
                                    32, 33, 47, 48, 63, 64, 65, 100, 384, 1027, 5000};
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (size_t maker = 0; maker < MAKER_COUNT; maker++) {
                check_vector(scalar, family, at, counts[i], makers[maker], false);
                check_vector(scalar, family, at, counts[i], makers[maker], true);
            }
}

static void test_vectors(void **state)
{
    (void)state;
    for_each_family(check_vectors);
}

/* Norms of several rows with a stride, into two outputs; sums over rows. */
static void check_rows(const lt_kernels *scalar, const lt_kernels *family)
{
    for (size_t n = 1; n < 70; n += 3) {
        const size_t rows = 3, stride = n + 5, count = (rows - 1) * stride + n;
        guarded x = guarded_floats(count, random_usual, false),
                weight = guarded_floats(n, random_usual, false);
        guarded out[2][3];
        const lt_kernels *kernels[] = {scalar, family};
        for (int which = 0; which < 2; which++) {
            for (int i = 0; i < 3; i++)
                out[which][i] = guarded_copy(x.data, count * sizeof(float), false);
            kernels[which]->layer_norm(out[which][0].data, out[which][1].data, x.data, stride,
                                       weight.data, weight.data, 1e-5f, rows, n);
            kernels[which]->rms_norm(out[which][2].data, NULL, out[which][2].data, stride,
                                     weight.data, 1e-5f, rows, n);
            kernels[which]->sum_rows(out[which][2].data, x.data, stride, rows, n);
        }
        for (int i = 0; i < 3; i++) {
            assert_same_floats(out[0][i].data, out[1][i].data, count, "%s: rows of %zu, output %d",
                               family->name, n, i);
            guarded_free(&out[0][i]);
            guarded_free(&out[1][i]);
        }
        guarded_free(&x);
        guarded_free(&weight);
    }
}

static void test_rows(void **state)
{
    (void)state;
    for_each_family(check_rows);
}

static void check_rotate_one(const lt_kernels *scalar, const lt_kernels *family, uint32_t head_dim,
                             uint32_t rotary_dim)
{
    enum { tokens = 3, heads = 2, positions_max = 5 };
    const uint32_t positions[tokens] = {4, 0, 2};
    const size_t stride = heads * head_dim + 7, count = (tokens - 1) * stride + heads * head_dim;
    guarded x = guarded_floats(count, random_usual, false),
            y = guarded_copy(x.data, count * sizeof(float), false);
    guarded cosines = guarded_floats(positions_max * rotary_dim / 2, random_usual, false);
    guarded sines = guarded_floats(positions_max * rotary_dim / 2, random_usual, false);
    scalar->rotate(x.data, stride, cosines.data, sines.data, positions, tokens, heads, head_dim,
                   rotary_dim);
    family->rotate(y.data, stride, cosines.data, sines.data, positions, tokens, heads, head_dim,
                   rotary_dim);
    assert_same_floats(x.data, y.data, count, "%s: rotate %u of %u", family->name, rotary_dim,
                       head_dim);
    guarded_free(&x);
    guarded_free(&y);
    guarded_free(&cosines);
    guarded_free(&sines);
}

static void check_rotate(const lt_kernels *scalar, const lt_kernels *family)
{
    static const uint32_t dims[][2] = {{2, 2},   {16, 16}, {30, 20}, {32, 32},
                                       {64, 64}, {64, 16}, {80, 20}, {128, 128}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
        check_rotate_one(scalar, family, dims[i][0], dims[i][1]);
}

static void test_rotate(void **state)
{
    (void)state;
    for_each_family(check_rotate);
}

static void test_rotate_is_a_rotation(void **state)
{
    (void)state;
    const float cosine = 0.8f, sine = 0.6f;
    const uint32_t position = 0;
    float x[4] = {1.0f, 2.0f, 9.0f, 9.0f};
    lt_kernels_by_name("scalar")->rotate(x, 4, &cosine, &sine, &position, 1, 1, 4, 2);
    assert_true(fabsf(x[0] - (0.8f - 1.2f)) < 1e-6f && fabsf(x[1] - (1.6f + 0.6f)) < 1e-6f);
    assert_true(x[2] == 9.0f && x[3] == 9.0f);
}

static size_t padded(uint32_t k)
{
    return ((size_t)k + 31) / 32 * 32;
}

/* One block packed in both ways by both families, and its tile. */
static void check_tile(const lt_kernels *scalar, const lt_kernels *family, uint32_t rows,
                       uint32_t columns, uint32_t k, float (*make)(void))
{
    const size_t w_stride = k + rows % 3, a_stride = k + columns % 4, out_stride = 32 + rows % 2;
    const size_t out_count = (rows - 1) * out_stride + 32, panel = padded(k) * 16;
    guarded w = guarded_floats((columns - 1) * w_stride + k, make, false);
    guarded a = guarded_floats((rows - 1) * a_stride + k, make, false);
    guarded expected = guarded_floats(out_count, random_usual, false);
    guarded found = guarded_copy(expected.data, out_count * sizeof(float), false);
    guarded block[2], block_bf16[2];
    const lt_kernels *kernels[] = {scalar, family};
    for (int which = 0; which < 2; which++) {
        block[which] = guarded_make((size_t)k * 32 * sizeof(float), false);
        block_bf16[which] = guarded_make(2 * panel * sizeof(uint16_t), false);
        kernels[which]->pack_rows_f32(block[which].data, w.data, w_stride, columns, k);
        kernels[which]->pack_rows_bf16(block_bf16[which].data, w.data, w_stride, columns, k);
    }
    assert_memory_equal(block[0].data, block[1].data, (size_t)k * 32 * sizeof(float));
    assert_memory_equal(block_bf16[0].data, block_bf16[1].data, 2 * panel * sizeof(uint16_t));
    scalar->tile_f32(a.data, a_stride, rows, block[0].data, k, expected.data, out_stride);
    family->tile_f32(a.data, a_stride, rows, block[0].data, k, found.data, out_stride);
    assert_same_floats(expected.data, found.data, out_count, "%s: f32 tile of %u x %u",
                       family->name, rows, k);
    scalar->round_bf16(a.data, a.data, (rows - 1) * a_stride + k);
    scalar->tile_bf16(a.data, a_stride, rows, block_bf16[0].data, panel, k, expected.data,
                      out_stride);
    guarded operand = guarded_make(rows * padded(k) * sizeof(uint16_t), false);
    if (family->operand_bf16)
        family->operand_bf16(operand.data, padded(k), a.data, a_stride, rows, k);
    family->tile_bf16(family->operand_bf16 ? operand.data : a.data,
                      family->operand_bf16 ? padded(k) : a_stride, rows, block_bf16[0].data, panel,
                      k, found.data, out_stride);
    guarded_free(&operand);
    assert_same_floats(expected.data, found.data, out_count, "%s: bf16 tile of %u x %u",
                       family->name, rows, k);
    guarded *all[] = {&w,        &a,        &expected,      &found,
                      &block[0], &block[1], &block_bf16[0], &block_bf16[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        guarded_free(all[i]);
}

static void check_tiles(const lt_kernels *scalar, const lt_kernels *family)
{
    static const uint32_t depths[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 384};
    static const uint32_t widths[] = {1, 15, 16, 17, 31, 32};
    for (uint32_t rows = 1; rows <= family->tile_rows_max; rows++)
        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
            for (size_t maker = 0; maker < MAKER_COUNT; maker++)
                check_tile(scalar, family, rows, widths[(rows + i + maker) % 6], depths[i],
                           makers[maker]);
}

static void test_tiles(void **state)
{
    (void)state;
    for_each_family(check_tiles);
}

/* Packing columns is packing the rows of the transposed matrix. */
static void check_pack_columns(const lt_kernels *scalar, const lt_kernels *family)
{
    const lt_kernels *kernels[] = {scalar, family};
    for (uint32_t columns = 1; columns <= 32; columns += 5)
        for (uint32_t k = 1; k < 100; k += 13)
            for (int which = 0; which < 2; which++) {
                guarded w = guarded_floats((size_t)k * columns, random_wild, false);
                guarded turned = guarded_make((size_t)k * columns * sizeof(float), false);
                for (uint32_t i = 0; i < k * columns; i++)
                    ((float *)turned.data)[i % columns * k + i / columns] = ((float *)w.data)[i];
                const size_t bytes[] = {(size_t)k * 128, padded(k) * 64};
                guarded f32[2] = {guarded_make(bytes[0], false), guarded_make(bytes[0], false)};
                guarded bf16[2] = {guarded_make(bytes[1], false), guarded_make(bytes[1], false)};
                scalar->pack_rows_f32(f32[0].data, turned.data, k, columns, k);
                kernels[which]->pack_columns_f32(f32[1].data, w.data, columns, columns, k);
                scalar->pack_rows_bf16(bf16[0].data, turned.data, k, columns, k);
                kernels[which]->pack_columns_bf16(bf16[1].data, w.data, columns, columns, k);
                assert_memory_equal(f32[0].data, f32[1].data, bytes[0]);
                assert_memory_equal(bf16[0].data, bf16[1].data, bytes[1]);
                guarded *all[] = {&w, &turned, &f32[0], &f32[1], &bf16[0], &bf16[1]};
                for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                    guarded_free(all[i]);
            }
}

static void test_pack_columns(void **state)
{
    (void)state;
    for_each_family(check_pack_columns);
}

/* The sum along a vector, written out: 16 lanes, then the tree. */
static void test_sum_order(void **state)
{
    (void)state;
    enum { count = 100 };
    float x[count], lanes[16] = {0}, weight[count], y[count];
    for (int i = 0; i < count; i++) {
        x[i] = random_usual();
        weight[i] = 1.0f;
        lanes[i % 16] = fmaf(x[i], x[i], lanes[i % 16]);
    }
    for (int step = 8; step >= 1; step /= 2)
        for (int i = 0; i < step; i++)
            lanes[i] += lanes[i + step];
    const float scale = 1.0f / sqrtf(lanes[0] / count + 1e-6f);
    lt_kernels_by_name("scalar")->rms_norm(y, NULL, x, count, weight, 1e-6f, 1, count);
    for (int i = 0; i < count; i++)
        assert_true(y[i] == x[i] * scale);
}

static void test_environment(void **state)
{
    (void)state;
    const lt_kernels *kernels = NULL;
    lt_error error = {0};
    setenv("LEFTTAIL_ISA", "scalar", 1);
    assert_int_equal(lt_kernels_best(&kernels, &error), LT_OK);
    assert_string_equal(kernels->name, "scalar");
    setenv("LEFTTAIL_ISA", "sse9", 1);
    assert_int_equal(lt_kernels_best(&kernels, &error), LT_INPUT);
    assert_non_null(strstr(error.what, "sse9"));
    assert_non_null(strstr(error.expected, "avx512"));
    const char *name, *refusal;
    const lt_kernels *listed, *best = NULL;
    for (size_t i = 0; lt_kernels_list(i, &name, &listed, &refusal); i++) {
        setenv("LEFTTAIL_ISA", name, 1);
        assert_int_equal(lt_kernels_best(&kernels, &error), listed ? LT_OK : LT_UNSUPPORTED);
        if (listed)
            best = listed;
        else
            assert_non_null(strstr(error.what, refusal));
    }
    unsetenv("LEFTTAIL_ISA");
    assert_int_equal(lt_kernels_best(&kernels, &error), LT_OK);
    assert_ptr_equal(kernels, best);
    assert_null(lt_kernels_by_name("amx9"));
}

/* Denormal operands count as zero, denormal results become zero, in every family. */
static void test_denormals(void **state)
{
    (void)state;
    const char *name, *refusal;
    const lt_kernels *k;
    for (size_t i = 0; lt_kernels_list(i, &name, &k, &refusal); i++) {
        if (!k)
            continue;
        float a[2] = {0x1p-100f, float_from(1)}, block[64] = {0}, out[32];
        block[0] = 0x1p-30f;  /* a product of 2^-130 */
        block[32] = 0x1p100f; /* times a denormal */
        k->tile_f32(a, 2, 1, block, 2, out, 32);
        assert_int_equal(bits_from(out[0]), 0);
        float one[16] = {1.0f}, tiny[16] = {float_from(0x007fffffu)};
        k->scale(one, tiny, 1, 0x1p60f);
        assert_int_equal(bits_from(one[0]), 0);
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
        cmocka_unit_test(test_vectors),   cmocka_unit_test(test_rows),
        cmocka_unit_test(test_rotate),    cmocka_unit_test(test_rotate_is_a_rotation),
        cmocka_unit_test(test_tiles),     cmocka_unit_test(test_pack_columns),
        cmocka_unit_test(test_sum_order), cmocka_unit_test(test_environment),
        cmocka_unit_test(test_denormals),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
