// Functions of each element, of pairs of elements, and sums of several. Included by Kernels.h; the plain versions are the C
// library's functions on Double, as `float64` tensors compute them.
//
// Polynomials after Moshier's Cephes library (expf, logf, tanhf), all within 3 units in the last place (tested).

// The integer n nearest to x, |x| < 2^22, as a number and as bits.
#define MAGIC 12582912.0f
INLINE V TARGET(choose)(I mask, V a, V b) { return (V)((mask & (I)a) | (~mask & (I)b)); }
#define choose TARGET(choose)

INLINE V TARGET(exp)(V x) {
    V low = zero() - 104.0f, high = zero() + 89.0f;
    // NaN is neither.
    x = choose(x < low, low, x);
    x = choose(x > high, high, x);
    V shifted = x * 1.44269504088896341f + MAGIC, n = shifted - MAGIC;
    V r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    V p = zero() + 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    V y = p * (r * r) + r + 1.0f;
    // 2^n in two factors: one alone cannot hold 2^128.
    I whole = (I)shifted - 0x4B400000, half = whole >> 1;
    return y * (V)((half + 127) << 23) * (V)((whole - half + 127) << 23);
}

INLINE V TARGET(log)(V x) {
    I bits = (I)x;
    I exponent = (bits >> 23) - 126;
    V m = (V)((bits & 0x7FFFFF) | 0x3F000000);
    I small = m < 0.707106781186547524f;
    V e = __builtin_convertvector(exponent + small, V);
    m = m + (V)(small & (I)m) - 1.0f;
    V z = m * m, p = zero() + 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    V y = m * z * p - e * 2.12194440e-4f - 0.5f * z;
    y = m + y + e * 0.693359375f;
    V infinity = zero() + __builtin_inff();
    y = choose(x == infinity, infinity, y);
    // Denormals count as 0.
    y = choose(x < 1.17549435e-38f, -infinity, y);
    return choose((x < zero() - 1.17549435e-38f) | (x != x), zero() + __builtin_nanf(""), y);
}

INLINE V TARGET(tanh)(V x) {
    V size = (V)((I)x & 0x7FFFFFFF), z = x * x, p = zero() - 5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    V near = p * z * x + x, far = 1.0f - 2.0f / (TARGET(exp)(size + size) + 1.0f);
    far = (V)((I)far | ((I)x & (int32_t)0x80000000));
    return choose(size < 0.625f, near, far);
}

static void TARGET(map)(KernelsFunction function, const float *x, int64_t count, float *y) {
#define EACH(result) \
    for (int64_t i = 0; i < count; i += LANES) { \
        V v = some(x + i, count - i); \
        store_some(y + i, result, count - i); \
    } \
    break
    switch (function) {
    case KernelsNegate: EACH(-v);
    case KernelsSquare: EACH(v * v);
    case KernelsMagnitude: EACH((V)((I)v & 0x7FFFFFFF));
    case KernelsSquareRoot: EACH(TARGET(square_root)(v));
    case KernelsRectify: EACH(rectified(v));
    case KernelsExp: EACH(TARGET(exp)(v));
    case KernelsLog: EACH(TARGET(log)(v));
    case KernelsTanh: EACH(TARGET(tanh)(v));
    case KernelsSigmoid: EACH(1.0f / (1.0f + TARGET(exp)(-v)));
    }
#undef EACH
}

// Each operand advances by its step, 1 or 0.
static void TARGET(combine)(
    KernelsPairing pairing, const float *left, int leftStep, const float *right, int rightStep, int64_t count, float *to
) {
#define EACH(result) \
    if (leftStep && rightStep) { \
        for (int64_t i = 0; i < count; i += LANES) { \
            V a = some(left + i, count - i), b = some(right + i, count - i); \
            store_some(to + i, result, count - i); \
        } \
    } else if (leftStep) { \
        V b = zero() + *right; \
        for (int64_t i = 0; i < count; i += LANES) { \
            V a = some(left + i, count - i); \
            store_some(to + i, result, count - i); \
        } \
    } else { \
        V a = zero() + *left; \
        for (int64_t i = 0; i < count; i += LANES) { \
            V b = rightStep ? some(right + i, count - i) : zero() + *right; \
            store_some(to + i, result, count - i); \
        } \
    } \
    break
    switch (pairing) {
    case KernelsAdd: EACH(a + b);
    case KernelsSubtract: EACH(a - b);
    case KernelsMultiply: EACH(a * b);
    case KernelsDivide: EACH(a / b);
    case KernelsMaximum: EACH(choose((a > b) | (a != a), a, b));
    case KernelsMinimum: EACH(choose((a < b) | (a != a), a, b));
    case KernelsPassPositive: EACH((V)((I)a & (b > zero())));
    }
#undef EACH
}
#undef choose
#undef MAGIC

static void TARGET(scale_bytes)(const uint8_t *from, int64_t count, float scale, float offset, float *to) {
    // Two roundings on every processor: with one, a batch would differ from the same images made elsewhere.
#pragma clang fp contract(off)
    for (int64_t i = 0; i < count; i += LANES) {
        const int64_t here = count - i < LANES ? count - i : LANES;
        B bytes = (B){0};
        if (here == LANES) __builtin_memcpy(&bytes, from + i, LANES);
        else __builtin_memcpy(&bytes, from + i, here);
        V scaled = __builtin_convertvector(__builtin_convertvector(bytes, I), V) * scale;
        store_some(to + i, scaled + offset, here);
    }
}

// The partial sums that tiles have made, part after part, so that the order does not depend on who was first.
static void TARGET(sum_parts)(const float *parts, int64_t partCount, int64_t stride, int64_t count, float *out) {
    for (int64_t i = 0; i < count; i += LANES) {
        V sum = some(parts + i, count - i);
        for (int64_t p = 1; p < partCount; p++) sum += some(parts + p * stride + i, count - i);
        store_some(out + i, sum, count - i);
    }
}
