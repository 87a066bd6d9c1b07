#include "worker/engine/model/rope.h"

#include <string.h>

#include "worker/engine/kernels/rotary.h"

#define FACTOR_MAX 1e6

static lt_status read_llama3(const lt_fields *from, uint32_t positions, lt_rope *rope,
                             lt_error *error)
{
    rope->original_positions = positions;
    LT_TRY(lt_fields_number(from, "low_freq_factor", LT_REQUIRED, 1e-6, FACTOR_MAX,
                            &rope->low_freq_factor, error));
    LT_TRY(lt_fields_number(from, "high_freq_factor", LT_REQUIRED, 1e-6, FACTOR_MAX,
                            &rope->high_freq_factor, error));
    LT_TRY(lt_fields_number(from, "original_max_position_embeddings", LT_OPTIONAL, 1, 1e9,
                            &rope->original_positions, error));
    if (rope->high_freq_factor <= rope->low_freq_factor)
        return lt_fields_refuse(from, LT_INPUT, "high_freq_factor", error,
                                "more than low_freq_factor");
    return LT_OK;
}

static lt_status read_kind(const lt_fields *from, uint32_t positions, lt_rope *rope,
                           lt_error *error)
{
    const char *const key = lt_fields_get(from, "rope_type") ? "rope_type" : "type";
    const char *word = "default";
    double partial = 1;
    LT_TRY(lt_fields_word(from, key, LT_OPTIONAL, &word, error));
    LT_TRY(lt_fields_number(from, "partial_rotary_factor", LT_OPTIONAL, 0, 1, &partial, error));
    if (partial != 1)
        return lt_fields_refuse(from, LT_UNSUPPORTED, "partial_rotary_factor", error, "1");
    if (strcmp(word, "default") == 0)
        rope->kind = LT_ROPE_DEFAULT;
    else if (strcmp(word, "linear") == 0)
        rope->kind = LT_ROPE_LINEAR;
    else if (strcmp(word, "llama3") == 0)
        rope->kind = LT_ROPE_LLAMA3;
    else
        return lt_fields_refuse(from, LT_UNSUPPORTED, key, error, "default, linear or llama3");
    if (rope->kind == LT_ROPE_DEFAULT)
        return LT_OK;
    LT_TRY(lt_fields_number(from, "factor", LT_REQUIRED, 1e-6, FACTOR_MAX, &rope->factor, error));
    return rope->kind == LT_ROPE_LLAMA3 ? read_llama3(from, positions, rope, error) : LT_OK;
}

lt_status lt_rope_read(const lt_fields *config, double theta_default, uint32_t positions,
                       lt_rope *rope, lt_error *error)
{
    lt_fields parameters, scaling;
    *rope = (lt_rope){.theta = theta_default, .factor = 1};
    LT_TRY(lt_fields_object(config, "rope_parameters", "rope_parameters.", &parameters, error));
    LT_TRY(lt_fields_object(config, "rope_scaling", "rope_scaling.", &scaling, error));
    LT_TRY(lt_fields_number(config, "rope_theta", LT_OPTIONAL, 1, 1e9, &rope->theta, error));
    if (parameters.object)
        LT_TRY(
            lt_fields_number(&parameters, "rope_theta", LT_OPTIONAL, 1, 1e9, &rope->theta, error));
    return read_kind(parameters.object ? &parameters : &scaling, positions, rope, error);
}

/* Long wavelengths are divided by the factor, short ones kept, those between blended. */
static float llama3_frequency(const lt_rope *rope, float inv_freq)
{
    const float low_wavelength = (float)(rope->original_positions / rope->low_freq_factor);
    const float high_wavelength = (float)(rope->original_positions / rope->high_freq_factor);
    const float wavelength = (float)(2 * 3.14159265358979323846) / inv_freq;
    const float factor = (float)rope->factor;
    if (wavelength > low_wavelength)
        return inv_freq / factor;
    if (wavelength < high_wavelength)
        return inv_freq;
    const float smooth =
        ((float)rope->original_positions / wavelength - (float)rope->low_freq_factor) /
        (float)(rope->high_freq_factor - rope->low_freq_factor);
    return (1.0f - smooth) * inv_freq / factor + smooth * inv_freq;
}

void lt_rope_inv_freq(const lt_rope *rope, uint32_t head_dim, float *inv_freq)
{
    lt_rotary_inv_freq(inv_freq, rope->theta, head_dim);
    for (uint32_t i = 0; i < head_dim / 2; i++) {
        if (rope->kind == LT_ROPE_LINEAR)
            inv_freq[i] /= (float)rope->factor;
        else if (rope->kind == LT_ROPE_LLAMA3)
            inv_freq[i] = llama3_frequency(rope, inv_freq[i]);
    }
}
