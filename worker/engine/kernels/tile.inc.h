/* What surrounds a tile of a product: its epilogue, and the packing of panels at run time (keys and
 * values). Included after math.inc.h. */

/* n columns (<= 16) of one row, from column `at` of the tile. */
V16 void finish_part(float *out, const float *acc, const float *residual, size_t at, size_t n,
                     const lt_epilogue *epilogue, lt_activation activation)
{
    v16 y = v16_load(acc + at);
    if (epilogue->bias)
        y = v16_add(y, v16_load_n(epilogue->bias + at, n));
    y = v16_activate(y, activation);
    if (epilogue->gated) {
        v16 up = v16_load(acc + 16);
        if (epilogue->bias_up)
            up = v16_add(up, v16_load_n(epilogue->bias_up, n));
        y = v16_mul(y, up);
    }
    if (residual)
        y = v16_add(y, v16_load_n(residual + at, n));
    if (epilogue->round_bf16)
        y = v16_round_bf16(y);
    if (n == 16)
        v16_store(out + at, y);
    else
        v16_store_n(out + at, y, n);
}

V16 void finish_rows(float *out, size_t out_stride, const float *acc, uint32_t rows, uint32_t n,
                     const lt_epilogue *epilogue, lt_activation activation)
{
    for (uint32_t row = 0; row < rows; row++) {
        const float *residual =
            epilogue->residual ? epilogue->residual + row * epilogue->residual_stride : NULL;
        for (uint32_t at = 0; at < n; at += 16)
            finish_part(out + row * out_stride, acc + (size_t)row * 32, residual, at,
                        n - at < 16 ? n - at : 16, epilogue, activation);
    }
}

static void tile_finish(float *out, size_t out_stride, const float *acc, uint32_t rows, uint32_t n,
                        const lt_epilogue *epilogue)
{
    switch (epilogue->activation) {
#define X(name, word)                                                                              \
    case LT_ACTIVATION_##name:                                                                     \
        finish_rows(out, out_stride, acc, rows, n, epilogue, LT_ACTIVATION_##name);                \
        break;
        LT_ACTIVATION_LIST(X)
#undef X
    }
}

/* r[c] = 16 numbers of column c, from element i, of which n exist; 0 for missing columns. */
V16 void load_columns(v16 r[16], const float *w, size_t stride, uint32_t columns, size_t i,
                      size_t n)
{
    for (uint32_t column = 0; column < 16; column++)
        r[column] = column < columns ? v16_load_n(w + column * stride + i, n) : v16_set(0.0f);
}

static void pack_rows_f32(float *block, const float *w, size_t stride, uint32_t columns, uint32_t k)
{
    for (uint32_t at = 0; at < 32; at += 16) {
        const uint32_t here = columns <= at ? 0 : columns - at;
        for (size_t i = 0; i < k; i += 16) {
            const size_t n = k - i < 16 ? k - i : 16;
            v16 r[16];
            load_columns(r, w + at * stride, stride, here, i, n);
            v16_transpose(r);
            for (size_t j = 0; j < n; j++)
                v16_store(block + (i + j) * 32 + at, r[j]);
        }
    }
}

/* The panels of a block lie k_padded * 16 numbers apart; pair i of a panel is 32 numbers. */
V16 size_t panel_numbers(uint32_t k)
{
    return ((size_t)k + 31) / 32 * 32 * 16;
}

static void pack_rows_bf16(uint16_t *block, const float *w, size_t stride, uint32_t columns,
                           uint32_t k)
{
    for (uint32_t at = 0; at < 32; at += 16, block += panel_numbers(k)) {
        const uint32_t here = columns <= at ? 0 : columns - at;
        for (size_t i = 0; i < k; i += 32) {
            const size_t left = k - i, first = left < 16 ? left : 16,
                         second = left < 32 ? left - first : 16;
            v16 a[16], b[16];
            load_columns(a, w + at * stride, stride, here, i, first);
            load_columns(b, w + at * stride, stride, second ? here : 0, i + 16, second);
            for (int column = 0; column < 16; column++)
                a[column] = v16_pairs_of(v16_round_bf16(a[column]), v16_round_bf16(b[column]));
            v16_transpose(a);
            for (size_t j = 0; j < 16; j++) {
                const float *units = (const float *)&a[j];
                memcpy(block + (i / 2 + j) * 32, units, 64);
            }
        }
    }
}

static void pack_columns_f32(float *block, const float *w, size_t stride, uint32_t columns,
                             uint32_t k)
{
    const size_t low = columns < 16 ? columns : 16, high = columns - low;
    for (uint32_t i = 0; i < k; i++) {
        v16_store(block + (size_t)i * 32, v16_load_n(w + i * stride, low));
        v16_store(block + (size_t)i * 32 + 16,
                  high ? v16_load_n(w + i * stride + 16, high) : v16_set(0.0f));
    }
}

static void pack_columns_bf16(uint16_t *block, const float *w, size_t stride, uint32_t columns,
                              uint32_t k)
{
    const size_t panel = panel_numbers(k);
    for (uint32_t at = 0; at < 32; at += 16) {
        const size_t n = columns <= at ? 0 : columns - at < 16 ? columns - at : 16;
        uint16_t *to = block + (at / 16) * panel;
        for (size_t i = 0; i < panel / 16; i += 2) {
            const bool has_even = n > 0 && i<k, has_odd = n> 0 && i + 1 < k;
            const v16 even = has_even ? v16_load_n(w + i * stride + at, n) : v16_set(0.0f);
            const v16 odd = has_odd ? v16_load_n(w + (i + 1) * stride + at, n) : v16_set(0.0f);
            v16_store_pairs(to + i * 16, v16_round_bf16(even), v16_round_bf16(odd));
        }
    }
}
