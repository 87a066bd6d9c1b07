/* What is done along rows, on sixteen numbers at a time. Included after math.inc.h. The contracts
 * are in kernels.h. A last, partial vector is loaded with zeros behind it. */

/* 0, 1, ... 15 */
V16 v16 lane_numbers(void)
{
    static const float numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return v16_load(numbers);
}

V16 size_t at_most_16(size_t left)
{
    return left < 16 ? left : 16;
}

V16 v16 load_dtype(const void *src, lt_dtype dtype, size_t at, size_t n)
{
    switch (dtype) {
    case LT_DTYPE_BF16:
        return v16_load_bf16((const char *)src + 2 * at, n);
    case LT_DTYPE_F16:
        return v16_load_f16((const char *)src + 2 * at, n);
    case LT_DTYPE_F32:
        break;
    }
    return v16_load_n((const float *)(const void *)((const char *)src + 4 * at), n);
}

static void rows_widen(float *dst, const void *src, lt_dtype dtype, size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        const size_t n = at_most_16(count - i);
        v16_store_n(dst + i, load_dtype(src, dtype, i, n), n);
    }
}

static void rows_widen_add(float *dst, const void *src, lt_dtype dtype, size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        const size_t n = at_most_16(count - i);
        v16_store_n(dst + i, v16_add(v16_load_n(dst + i, n), load_dtype(src, dtype, i, n)), n);
    }
}

static void rows_round_bf16(float *dst, const float *src, size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        const size_t n = at_most_16(count - i);
        v16_store_n(dst + i, v16_round_bf16(v16_load_n(src + i, n)), n);
    }
}

static void rows_add(float *dst, const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        const size_t n = at_most_16(count - i);
        v16_store_n(dst + i, v16_add(v16_load_n(a + i, n), v16_load_n(b + i, n)), n);
    }
}

static void rows_scale(float *dst, const float *src, size_t count, float factor)
{
    for (size_t i = 0; i < count; i += 16) {
        const size_t n = at_most_16(count - i);
        v16_store_n(dst + i, v16_mul(v16_load_n(src + i, n), v16_set(factor)), n);
    }
}

static void rows_activate(float *dst, const float *src, size_t count, lt_activation activation)
{
    for (size_t i = 0; i < count; i += 16) {
        const size_t n = at_most_16(count - i);
        v16_store_n(dst + i, v16_activate(v16_load_n(src + i, n), activation), n);
    }
}

static void rows_gate(float *dst, const float *gate, const float *up, size_t count,
                      lt_activation activation)
{
    for (size_t i = 0; i < count; i += 16) {
        const size_t n = at_most_16(count - i);
        const v16 opened = v16_activate(v16_load_n(gate + i, n), activation);
        v16_store_n(dst + i, v16_mul(opened, v16_load_n(up + i, n)), n);
    }
}

static void rows_sum_rows(float *out, const float *x, size_t stride, size_t rows, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t part = at_most_16(n - i);
        v16 sum = v16_set(0.0f);
        for (size_t row = 0; row < rows; row++)
            sum = v16_add(sum, v16_load_n(x + row * stride + i, part));
        v16_store_n(out + i, sum, part);
    }
}

/* One result of a norm to one or two places. */
V16 void store_norm(float *out, float *rounded, v16 y, size_t at, size_t n)
{
    if (out)
        v16_store_n(out + at, y, n);
    if (rounded)
        v16_store_n(rounded + at, v16_round_bf16(y), n);
}

static float mean_of(const float *x, size_t n)
{
    v16 sum = v16_set(0.0f);
    for (size_t i = 0; i < n; i += 16)
        sum = v16_add(sum, v16_load_n(x + i, at_most_16(n - i)));
    return v16_sum(sum) / (float)n;
}

/* sum((x - mean)^2) / n */
static float variance_of(const float *x, float mean, size_t n)
{
    v16 sum = v16_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16 d = v16_sub(v16_load(x + i), v16_set(mean));
        sum = v16_fma(d, d, sum);
    }
    if (i < n) { /* the lanes behind the end are zero, not -mean */
        const v16 d = v16_sub(v16_load_n(x + i, n - i), v16_set(mean));
        const v16 inside = v16_if_less(lane_numbers(), v16_set((float)(n - i)), d, v16_set(0.0f));
        sum = v16_fma(inside, inside, sum);
    }
    return v16_sum(sum) / (float)n;
}

static void rows_layer_norm(float *out, float *rounded, const float *x, size_t stride,
                            const float *weight, const float *bias, float eps, size_t rows,
                            size_t n)
{
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * stride;
        const float mean = mean_of(in, n);
        const float scale = 1.0f / sqrtf(variance_of(in, mean, n) + eps);
        float *out_row = out ? out + row * stride : NULL;
        float *rounded_row = rounded ? rounded + row * stride : NULL;
        for (size_t i = 0; i < n; i += 16) {
            const size_t part = at_most_16(n - i);
            const v16 d = v16_mul(v16_sub(v16_load_n(in + i, part), v16_set(mean)), v16_set(scale));
            const v16 b = bias ? v16_load_n(bias + i, part) : v16_set(0.0f);
            store_norm(out_row, rounded_row, v16_fma(d, v16_load_n(weight + i, part), b), i, part);
        }
    }
}

static void rows_rms_norm(float *out, float *rounded, const float *x, size_t stride,
                          const float *weight, float eps, size_t rows, size_t n)
{
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * stride;
        v16 sum = v16_set(0.0f);
        for (size_t i = 0; i < n; i += 16) {
            const v16 part = v16_load_n(in + i, at_most_16(n - i));
            sum = v16_fma(part, part, sum);
        }
        const v16 scale = v16_set(1.0f / sqrtf(v16_sum(sum) / (float)n + eps));
        float *out_row = out ? out + row * stride : NULL;
        float *rounded_row = rounded ? rounded + row * stride : NULL;
        for (size_t i = 0; i < n; i += 16) {
            const size_t part = at_most_16(n - i);
            const v16 y =
                v16_mul(v16_mul(v16_load_n(in + i, part), scale), v16_load_n(weight + i, part));
            store_norm(out_row, rounded_row, y, i, part);
        }
    }
}

V16 void rotate_head(float *lo, float *hi, const float *cos, const float *sin, size_t pairs)
{
    for (size_t i = 0; i < pairs; i += 16) {
        const size_t n = at_most_16(pairs - i);
        const v16 a = v16_load_n(lo + i, n), b = v16_load_n(hi + i, n);
        const v16 c = v16_load_n(cos + i, n), s = v16_load_n(sin + i, n);
        v16_store_n(lo + i, v16_sub(v16_mul(a, c), v16_mul(b, s)), n);
        v16_store_n(hi + i, v16_add(v16_mul(b, c), v16_mul(a, s)), n);
    }
}

static void rows_rotate(float *x, size_t stride, const float *cos, const float *sin,
                        const uint32_t *positions, size_t tokens, uint32_t heads, uint32_t head_dim,
                        uint32_t rotary_dim)
{
    const size_t pairs = rotary_dim / 2;
    for (size_t token = 0; token < tokens; token++) {
        const size_t table = positions[token] * pairs;
        for (uint32_t head = 0; head < heads; head++) {
            float *lo = x + token * stride + (size_t)head * head_dim;
            rotate_head(lo, lo + pairs, cos + table, sin + table, pairs);
        }
    }
}

/* Scores in units of log 2: `factor` is scale * log2 e, or with a softcap log2 e alone. */
V16 v16 scaled_scores(v16 s, float scale, float softcap, float factor)
{
    if (softcap > 0.0f)
        s = v16_mul(v16_set(softcap),
                    v16_tanh(v16_div(v16_mul(s, v16_set(scale)), v16_set(softcap))));
    return v16_mul(s, v16_set(factor));
}

/* Sixteen of them from position `at`; -infinity outside [begin, end). */
V16 v16 visible_scores(v16 x, size_t at, size_t begin, size_t end)
{
    const v16 position = v16_add(lane_numbers(), v16_set((float)at)), hidden = v16_set(-INFINITY);
    const v16 before_end = v16_if_less(position, v16_set((float)end), x, hidden);
    return v16_if_less(position, v16_set((float)begin), hidden, before_end);
}

V16 v16 numerator(v16 x, v16 max, bool round_bf16)
{
    const v16 e = v16_exp2(v16_sub(x, max));
    return round_bf16 ? v16_round_bf16(e) : e;
}

V16 float softmax_with(float *s, size_t begin, size_t end, size_t count, float scale, float softcap,
                       bool round_bf16)
{
    const size_t inside_begin =
        (begin + 15) / 16 * 16 < end / 16 * 16 ? (begin + 15) / 16 * 16 : end / 16 * 16;
    const size_t inside_end = end / 16 * 16;
    const float factor = softcap > 0.0f ? LOG2_E : scale * LOG2_E;
    v16 top = v16_set(-INFINITY), sum = v16_set(0.0f);
    for (size_t i = begin / 16 * 16; i < end; i += 16) {
        const v16 x =
            scaled_scores(v16_load_n(s + i, at_most_16(count - i)), scale, softcap, factor);
        top = v16_max(top,
                      i >= inside_begin && i < inside_end ? x : visible_scores(x, i, begin, end));
    }
    const v16 max = v16_set(v16_max_of(top));
    for (size_t i = 0; i < count; i += 16) {
        v16 e;
        if (i >= inside_begin && i < inside_end) {
            e = numerator(scaled_scores(v16_load(s + i), scale, softcap, factor), max, round_bf16);
            v16_store(s + i, e);
        } else {
            const size_t n = at_most_16(count - i);
            const v16 x = scaled_scores(v16_load_n(s + i, n), scale, softcap, factor);
            e = numerator(visible_scores(x, i, begin, end), max, round_bf16);
            v16_store_n(s + i, e, n);
        }
        sum = v16_add(sum, e);
    }
    return v16_sum(sum);
}

static float rows_softmax(float *s, size_t begin, size_t end, size_t count, float scale,
                          float softcap, bool round_bf16)
{
    if (softcap > 0.0f)
        return softmax_with(s, begin, end, count, scale, softcap, round_bf16);
    if (round_bf16)
        return softmax_with(s, begin, end, count, scale, 0.0f, true);
    return softmax_with(s, begin, end, count, scale, 0.0f, false);
}

static void rows_normalise(float *out, const float *acc, size_t count, float sum, bool round_bf16)
{
    for (size_t i = 0; i < count; i += 16) {
        const size_t n = at_most_16(count - i);
        const v16 y = v16_add(v16_div(v16_load_n(acc + i, n), v16_set(sum)), v16_set(0.0f));
        v16_store_n(out + i, round_bf16 ? v16_round_bf16(y) : y, n);
    }
}
