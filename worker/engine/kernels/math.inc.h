/* exp, tanh and the activations on sixteen numbers, made of written operations alone, so that
 * every family gives the same bits. Included after one of v16_*.h.
 *
 * Errors against the exact function of the f32 argument, over all f32, as
 * tests/unit/test_kernels_math.c measures them (results below 2^-126 are zero, and so are denormal
 * arguments):
 *   exp        1.1 ulp
 *   tanh       2 ulp
 *   silu       3 ulp for x > -88; 0 below, where the exact value is under 1e-36
 *   gelu       1.5e-7 max(|x|, 1) absolute
 *   gelu_tanh  2.5e-7 max(|x|, 1) absolute
 *
 * Polynomials: weighted minimax fits (Lawson's iteration on Chebyshev nodes), coefficients rounded
 * to f32 one after another, the rest fitted again. */

/* Cody and Waite: x = n ln 2 + r, |r| <= ln 2 / 2, e^x = 2^n e^r, e^r = 1 + r + r^2 P(r).
 * For x <= 89. */
V16 v16 v16_exp_below(v16 x)
{
    x = v16_max(v16_set(-104.0f), x); /* the second operand when it is NaN, here and below */
    const v16 magic = v16_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    const v16 n = v16_sub(v16_fma(x, v16_set(0x1.715476p+0f), magic), magic);
    v16 r = v16_fma(n, v16_set(-0x1.62e4p-1f), x);
    r = v16_fma(n, v16_set(-0x1.7f7d1cp-20f), r);
    v16 p = v16_set(0x1.6a3fb6p-10f);
    p = v16_fma(p, r, v16_set(0x1.1239ep-7f));
    p = v16_fma(p, r, v16_set(0x1.5558bep-5f));
    p = v16_fma(p, r, v16_set(0x1.555492p-3f));
    p = v16_fma(p, r, v16_set(0x1.fffffcp-2f));
    p = v16_fma(v16_mul(r, r), p, r);
    return v16_scale2(v16_add(p, v16_set(1.0f)), n);
}

V16 v16 v16_exp(v16 x)
{
    return v16_exp_below(v16_min(v16_set(89.0f), x));
}

/* |x| < 0.625: x + x^3 P(x^2); else 1 - 2 / (e^2|x| + 1). */
V16 v16 v16_tanh(v16 x)
{
    const v16 size = v16_abs(x), square = v16_mul(x, x), one = v16_set(1.0f);
    v16 p = v16_set(-0x1.750ce2p-8f);
    p = v16_fma(p, square, v16_set(0x1.51f8cep-6f));
    p = v16_fma(p, square, v16_set(-0x1.b835a4p-5f));
    p = v16_fma(p, square, v16_set(0x1.1106f6p-3f));
    p = v16_fma(p, square, v16_set(-0x1.555532p-2f));
    const v16 small = v16_fma(v16_mul(square, p), x, x);
    const v16 e = v16_exp(v16_add(size, size));
    const v16 large = v16_sub(one, v16_div(v16_set(2.0f), v16_add(e, one)));
    return v16_if_less(size, v16_set(0.625f), small, v16_sign(large, x));
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|), Phi the normal distribution. With u = -|x|, Q(u) fits
 * log Phi(u): no cancellation on the negative side, and one polynomial for all x. Q(-16) is below
 * -1800, so what is left out beyond is 0. */
V16 v16 v16_gelu(v16 x)
{
    const v16 zero = v16_set(0.0f);
    const v16 u = v16_max(v16_set(-16.0f), v16_sub(zero, v16_abs(x)));
    v16 q = v16_set(-0x1.3af9540p-20f);
    q = v16_fma(q, u, v16_set(-0x1.2416fcp-16f));
    q = v16_fma(q, u, v16_set(-0x1.4d5602p-14f));
    q = v16_fma(q, u, v16_set(0x1.d52db8p-13f));
    q = v16_fma(q, u, v16_set(0x1.4d150ap-8f));
    q = v16_fma(q, u, v16_set(0x1.2b51dp-5f));
    q = v16_fma(q, u, v16_set(-0x1.45df6p-2f));
    q = v16_fma(q, u, v16_set(0x1.98860ep-1f));
    q = v16_fma(q, u, v16_set(-0x1.62e416p-1f));
    return v16_fma(u, v16_exp_below(q), v16_max(zero, x));
}

/* 0.5 (1 + tanh y) = 1 / (1 + e^-2y) */
V16 v16 v16_gelu_tanh(v16 x)
{
    const v16 one = v16_set(1.0f);
    const v16 cube = v16_mul(v16_mul(x, x), x);
    const v16 minus_2y = v16_mul(v16_set(-0x1.988454p+0f), v16_fma(cube, v16_set(0.044715f), x));
    return v16_div(x, v16_add(v16_exp(minus_2y), one));
}

V16 v16 v16_silu(v16 x)
{
    const v16 e = v16_exp(v16_sub(v16_set(0.0f), x));
    return v16_div(x, v16_add(e, v16_set(1.0f)));
}

V16 v16 v16_activate(v16 x, lt_activation activation)
{
    switch (activation) {
    case LT_ACTIVATION_GELU:
        return v16_gelu(x);
    case LT_ACTIVATION_GELU_TANH:
        return v16_gelu_tanh(x);
    case LT_ACTIVATION_SILU:
        return v16_silu(x);
    case LT_ACTIVATION_RELU:
        /* NaN stays NaN; whether a maximum keeps a denormal is not the same everywhere, + 0 does */
        return v16_add(v16_max(v16_set(0.0f), x), v16_set(0.0f));
    case LT_ACTIVATION_TANH:
        return v16_tanh(x);
    case LT_ACTIVATION_NONE:
        break;
    }
    return x;
}
