#include "worker/engine/kernels/packed.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define BLOCK_ROWS 32u
#define PANEL_ROWS 16u

/* Numbers between two panels of a bf16 block. */
static size_t panel_numbers(uint32_t k)
{
    return ((size_t)k + 31) / 32 * 32 * PANEL_ROWS;
}

lt_status lt_packed_init(lt_packed *packed, lt_precision precision, uint32_t n, uint32_t k,
                         bool gated, lt_error *error)
{
    LT_ASSERT(n > 0 && k > 0);
    memset(packed, 0, sizeof *packed);
    packed->precision = precision;
    packed->n = n;
    packed->k = k;
    packed->gated = gated;
    packed->block_columns = gated ? PANEL_ROWS : BLOCK_ROWS;
    packed->block_count =
        (uint32_t)(((uint64_t)n + packed->block_columns - 1) / packed->block_columns);
    packed->block_bytes = precision == LT_PRECISION_F32 ? (size_t)k * BLOCK_ROWS * sizeof(float)
                                                        : 2 * panel_numbers(k) * sizeof(uint16_t);
    if (__builtin_mul_overflow(packed->block_bytes, (size_t)packed->block_count, &packed->bytes))
        return lt_fail(error, LT_LIMIT, NULL, "a weight matrix of %u x %u does not fit into memory",
                       n, k);
    packed->data = aligned_alloc(64, packed->bytes); /* block_bytes is a multiple of 128 */
    if (!packed->data)
        return lt_fail(error, LT_MEMORY, NULL,
                       "no memory for a weight matrix of %u x %u (%zu bytes)", n, k, packed->bytes);
    memset(packed->data, 0, packed->bytes);
    return LT_OK;
}

void lt_packed_fini(lt_packed *packed)
{
    free(packed->data);
    free(packed->bias);
    free(packed->bias_up);
    memset(packed, 0, sizeof *packed);
}

static uint32_t bits_of_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t magnitude = h & 0x7fffu;
    if (magnitude >= 0x7c00u)
        return sign | 0x7f800000u | (magnitude & 0x3ffu) << 13;
    if (magnitude >= 0x400u)
        return sign | ((magnitude << 13) + (112u << 23));
    if (magnitude == 0)
        return sign;
    uint32_t exponent = 113; /* of 2^-14, the smallest normal f16 */
    for (; magnitude < 0x400u; exponent--)
        magnitude <<= 1;
    return sign | exponent << 23 | (magnitude & 0x3ffu) << 13;
}

/* The f32 bits of value i; the source may lie at any address. */
static uint32_t bits_at(const void *values, lt_dtype dtype, size_t i)
{
    uint32_t word;
    uint16_t half;
    if (dtype == LT_DTYPE_F32) {
        memcpy(&word, (const char *)values + 4 * i, 4);
        return word;
    }
    memcpy(&half, (const char *)values + 2 * i, 2);
    return dtype == LT_DTYPE_BF16 ? (uint32_t)half << 16 : bits_of_f16(half);
}

static bool is_finite(uint32_t bits)
{
    return (bits & 0x7f800000u) != 0x7f800000u;
}

static uint16_t round_bf16(uint32_t bits)
{
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/* Where row `row` of a part begins: block and column in it. */
static size_t block_of(const lt_packed *packed, lt_packed_part part, uint32_t row, uint32_t *column)
{
    *column = row % packed->block_columns + (part == LT_PACKED_UP ? PANEL_ROWS : 0);
    return row / packed->block_columns * packed->block_bytes;
}

/* A unit is what a panel holds of one row in one step: an f32, or a pair of bf16. Sixteen rows by
 * UNITS units go through a square in the first-level cache, so that both the weights and the panel
 * are passed over in whole cache lines. */
#define UNITS 32

static size_t per_unit(const lt_packed *packed)
{
    return packed->precision == LT_PRECISION_F32 ? 1 : 2;
}

/* units[0..) = values [begin, end) of a row. */
static void load_units(uint32_t *units, lt_precision precision, const void *row, lt_dtype dtype,
                       size_t begin, size_t end)
{
    const bool as_it_is =
        (precision == LT_PRECISION_F32) == (dtype == LT_DTYPE_F32) && dtype != LT_DTYPE_F16;
    if (as_it_is) {
        const size_t bytes = lt_dtype_bytes(dtype);
        memcpy(units, (const char *)row + begin * bytes, (end - begin) * bytes);
        return;
    }
    if (precision == LT_PRECISION_F32) {
        for (size_t i = begin; i < end; i++)
            units[i - begin] = bits_at(row, dtype, i);
        return;
    }
    for (size_t i = begin; i < end; i++) {
        const uint32_t half = round_bf16(bits_at(row, dtype, i));
        units[(i - begin) / 2] |= (i - begin) % 2 ? half << 16 : half;
    }
}

/* Rows row_begin.. (all in one group of 16 columns of one block) of `weights`. */
static void put_group(lt_packed *packed, lt_packed_part part, uint32_t row_begin, uint32_t rows,
                      const char *weights, lt_dtype dtype)
{
    uint32_t column;
    char *block = (char *)packed->data + block_of(packed, part, row_begin, &column);
    const bool is_f32 = packed->precision == LT_PRECISION_F32;
    const size_t unit_stride = is_f32 ? BLOCK_ROWS : PANEL_ROWS,
                 row_bytes = packed->k * lt_dtype_bytes(dtype);
    uint32_t *to = (uint32_t *)(void *)block + (is_f32 ? column : column % PANEL_ROWS);
    if (!is_f32)
        to += (column / PANEL_ROWS) * panel_numbers(packed->k) / 2;
    const size_t step = UNITS * per_unit(packed);
    for (size_t begin = 0; begin < packed->k; begin += step, to += UNITS * unit_stride) {
        uint32_t square[PANEL_ROWS][UNITS] = {0};
        const size_t end = begin + step < packed->k ? begin + step : packed->k;
        const size_t units = (end - begin + per_unit(packed) - 1) / per_unit(packed);
        for (uint32_t row = 0; row < rows; row++)
            load_units(square[row], packed->precision, weights + row * row_bytes, dtype, begin,
                       end);
        for (size_t unit = 0; unit < units; unit++)
            for (uint32_t row = 0; row < rows; row++)
                to[unit * unit_stride + row] = square[row][unit];
    }
}

/* What is not finite as the weight it becomes. */
static bool stays_finite(uint32_t bits, lt_precision precision)
{
    return is_finite(bits) &&
           (precision == LT_PRECISION_F32 || (round_bf16(bits) & 0x7f80u) != 0x7f80u);
}

/* Whether a run of values has one whose exponent is all ones, or so large that rounding to bf16 may
 * make it so: quick, no early exit. */
static bool may_overflow(const void *values, lt_dtype dtype, size_t count)
{
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        uint16_t half;
        if (dtype == LT_DTYPE_F32) {
            memcpy(&word, (const char *)values + 4 * i, 4);
            found |= (word & 0x7fffffffu) >= 0x7f7f8000u;
        } else {
            memcpy(&half, (const char *)values + 2 * i, 2);
            found |=
                dtype == LT_DTYPE_BF16 ? (half & 0x7f80u) == 0x7f80u : (half & 0x7c00u) == 0x7c00u;
        }
    }
    return found;
}

static size_t first_overflow(const void *values, lt_dtype dtype, size_t count,
                             lt_precision precision)
{
    if (!may_overflow(values, dtype, count))
        return LT_PACKED_FINITE;
    for (size_t i = 0; i < count; i++)
        if (!stays_finite(bits_at(values, dtype, i), precision))
            return i;
    return LT_PACKED_FINITE;
}

size_t lt_first_not_finite(const void *values, lt_dtype dtype, size_t count)
{
    return first_overflow(values, dtype, count, LT_PRECISION_F32);
}

size_t lt_packed_put(lt_packed *packed, lt_packed_part part, uint32_t row_begin, uint32_t rows,
                     const void *weights, lt_dtype dtype)
{
    LT_ASSERT((uint64_t)row_begin + rows <= packed->n && (part == LT_PACKED_MAIN || packed->gated));
    const size_t row_bytes = packed->k * lt_dtype_bytes(dtype);
    size_t first = LT_PACKED_FINITE;
    for (uint32_t row = 0, here; row < rows; row += here) {
        here = PANEL_ROWS - (row_begin + row) % PANEL_ROWS;
        here = here < rows - row ? here : rows - row;
        const char *from = (const char *)weights + row * row_bytes;
        put_group(packed, part, row_begin + row, here, from, dtype);
        if (first == LT_PACKED_FINITE) {
            const size_t bad =
                first_overflow(from, dtype, (size_t)here * packed->k, packed->precision);
            first = bad == LT_PACKED_FINITE ? bad : (size_t)row * packed->k + bad;
        }
    }
    return first;
}

size_t lt_packed_put_bias(lt_packed *packed, lt_packed_part part, uint32_t row_begin, uint32_t rows,
                          const void *bias, lt_dtype dtype)
{
    LT_ASSERT((uint64_t)row_begin + rows <= packed->n && (part == LT_PACKED_MAIN || packed->gated));
    float **to = part == LT_PACKED_UP ? &packed->bias_up : &packed->bias;
    if (!*to)
        *to = lt_alloc(packed->n * sizeof **to);
    for (uint32_t i = 0; i < rows; i++) {
        const uint32_t bits = bits_at(bias, dtype, i);
        memcpy(*to + row_begin + i, &bits, 4);
    }
    return lt_first_not_finite(bias, dtype, rows);
}

void lt_packed_row(const lt_packed *packed, lt_packed_part part, uint32_t row, float *out)
{
    uint32_t column;
    const char *block = (const char *)packed->data + block_of(packed, part, row, &column);
    const uint16_t *panel =
        (const uint16_t *)(const void *)block + (column / PANEL_ROWS) * panel_numbers(packed->k);
    for (uint32_t i = 0; i < packed->k; i++) {
        if (packed->precision == LT_PRECISION_F32) {
            memcpy(out + i, block + ((size_t)i * BLOCK_ROWS + column) * 4, 4);
            continue;
        }
        const uint32_t bits =
            (uint32_t)panel[(size_t)(i / 2) * 32 + (size_t)(column % PANEL_ROWS) * 2 + i % 2] << 16;
        memcpy(out + i, &bits, 4);
    }
}
