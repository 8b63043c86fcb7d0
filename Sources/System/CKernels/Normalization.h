// Batch normalisation of one channel's plane at a time, with the ReLU and the 2x2 maximum pooling that follow it, and
// maximum pooling alone. Included by Kernels.h; the plain versions are the steps of Normalization.swift in `float64`.

#define MOST_AT_ONCE 4096

// Adds `count` numbers to what is known of a row: state = {how many, their mean, the sum of squared distances from it}.
// Each piece is read twice, the second time from the first-level cache, and pieces are joined in double precision (Chan et
// al., 1979), so that a large mean costs no digits of the variance.
static void TARGET(moments)(const float *x, int64_t count, double *state) {
    for (int64_t start = 0; start < count; start += MOST_AT_ONCE) {
        const float *from = x + start;
        int64_t here = count - start < MOST_AT_ONCE ? count - start : MOST_AT_ONCE, i = 0;
        V sum[4] = {zero(), zero(), zero(), zero()};
        for (; i + 4 * LANES <= here; i += 4 * LANES)
            UNROLL for (int j = 0; j < 4; j++) sum[j] += *(const U *)(from + i + j * LANES);
        for (; i + LANES <= here; i += LANES) sum[0] += *(const U *)(from + i);
        float rest = 0;
        for (int64_t n = i; n < here; n++) rest += from[n];
        double mean = ((double)TARGET(total)((sum[0] + sum[1]) + (sum[2] + sum[3])) + rest) / (double)here;
        float centre = (float)mean;
        UNROLL for (int j = 0; j < 4; j++) sum[j] = zero();
        i = 0;
        for (; i + 4 * LANES <= here; i += 4 * LANES)
            UNROLL for (int j = 0; j < 4; j++) {
                V d = *(const U *)(from + i + j * LANES) - centre;
                sum[j] += d * d;
            }
        for (; i + LANES <= here; i += LANES) {
            V d = *(const U *)(from + i) - centre;
            sum[0] += d * d;
        }
        rest = 0;
        for (; i < here; i++) rest += (from[i] - centre) * (from[i] - centre);
        double off = mean - centre, squares = (double)TARGET(total)((sum[0] + sum[1]) + (sum[2] + sum[3])) + rest;
        squares -= off * off * (double)here;
        double all = state[0] + (double)here, step = mean - state[1];
        state[2] += squares + step * step * state[0] * (double)here / all;
        state[1] += step * (double)here / all;
        state[0] = all;
    }
}


INLINE V TARGET(normalized)(const KernelsNormalization *n, V x) { return (x - n->mean) * n->slope + n->offset; }

// y = (x - mean) * slope + offset, where `rectify` not below 0.
static void TARGET(normalize)(const KernelsNormalization *n, const float *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t here = count - i;
        V v = TARGET(normalized)(n, some(x + i, here));
        store_some(y + i, n->rectify ? rectified(v) : v, here);
    }
}

// The gradient behind the ReLU: g, where it had been positive.
INLINE V TARGET(passed)(const KernelsNormalization *n, V x, V g) {
    return n->rectify ? (V)((I)g & (TARGET(normalized)(n, x) > zero())) : g;
}

// sums += {Σ g, Σ g (x - mean)}.
static void TARGET(normalize_sums)(
    const KernelsNormalization *n, const float *x, const float *g, int64_t count, double *sums
) {
    for (int64_t start = 0; start < count; start += MOST_AT_ONCE) {
        int64_t end = count - start < MOST_AT_ONCE ? count : start + MOST_AT_ONCE;
        V plain[2] = {zero(), zero()}, weighted[2] = {zero(), zero()};
        int64_t i = start;
        for (; i + 2 * LANES <= end; i += 2 * LANES)
            UNROLL for (int j = 0; j < 2; j++) {
                V v = *(const U *)(x + i + j * LANES), d = TARGET(passed)(n, v, *(const U *)(g + i + j * LANES));
                plain[j] += d;
                weighted[j] += d * (v - n->mean);
            }
        for (; i < end; i += LANES) {
            // Beyond the end g is 0.
            V v = some(x + i, end - i), d = TARGET(passed)(n, v, some(g + i, end - i));
            plain[0] += d;
            weighted[0] += d * (v - n->mean);
        }
        sums[0] += TARGET(total)(plain[0] + plain[1]);
        sums[1] += TARGET(total)(weighted[0] + weighted[1]);
    }
}

// dx = slope * (g - centre - (x - mean) * tilt).
static void TARGET(normalize_back)(
    const KernelsNormalization *n, const float *x, const float *g, int64_t count, float centre, float tilt, float *dx
) {
    for (int64_t i = 0; i < count; i += LANES) {
        V v = some(x + i, count - i), d = TARGET(passed)(n, v, some(g + i, count - i));
        store_some(dx + i, n->slope * (d - centre - (v - n->mean) * tilt), count - i);
    }
}

// ---- With 2x2 maximum pooling

// The four numbers under each of LANES outputs, of which `here` exist.
typedef struct {
    V at[4];
} TARGET(Square);
INLINE TARGET(Square) TARGET(square)(const float *x, int64_t width, int64_t here) {
    V a = some(x, 2 * here), b = some(x + LANES, 2 * here - LANES);
    V c = some(x + width, 2 * here), d = some(x + width + LANES, 2 * here - LANES);
    return (TARGET(Square)){{
        __builtin_shufflevector(a, b, EVEN), __builtin_shufflevector(a, b, ODD), __builtin_shufflevector(c, d, EVEN),
        __builtin_shufflevector(c, d, ODD)}};
}
INLINE void TARGET(spread)(float *x, int64_t width, int64_t here, TARGET(Square) s) {
    store_some(x, __builtin_shufflevector(s.at[0], s.at[1], LOWER), 2 * here);
    store_some(x + LANES, __builtin_shufflevector(s.at[0], s.at[1], UPPER), 2 * here - LANES);
    store_some(x + width, __builtin_shufflevector(s.at[2], s.at[3], LOWER), 2 * here);
    store_some(x + width + LANES, __builtin_shufflevector(s.at[2], s.at[3], UPPER), 2 * here - LANES);
}
// The first of the largest, where NaN is larger than all numbers, and which of the four it is.
INLINE V TARGET(most)(TARGET(Square) s, I *which) {
    V most = s.at[0];
    I index = (I){0};
    UNROLL for (int j = 1; j < 4; j++) {
        I mask = (s.at[j] > most) | (s.at[j] != s.at[j]);
        most = (V)((mask & (I)s.at[j]) | (~mask & (I)most));
        index = (mask & ((I){0} + j)) | (~mask & index);
    }
    *which = index;
    return most;
}
INLINE I TARGET(indices)(const uint8_t *which, int64_t here) {
    B bytes = (B){0} + 4;
    if (here >= LANES) __builtin_memcpy(&bytes, which, LANES);
#if LANES == 16
    else bytes = (B)_mm_mask_loadu_epi8((__m128i)bytes, (1u << here) - 1, which);
#else
    else for (int64_t i = 0; i < here; i++) bytes[i] = which[i];
#endif
    return __builtin_convertvector(bytes, I);
}
INLINE void TARGET(store_indices)(uint8_t *which, I index, int64_t here) {
    B bytes = __builtin_convertvector(index, B);
    if (here >= LANES) __builtin_memcpy(which, &bytes, LANES);
#if LANES == 16
    else _mm_mask_storeu_epi8(which, (1u << here) - 1, (__m128i)bytes);
#else
    else for (int64_t i = 0; i < here; i++) which[i] = bytes[i];
#endif
}

// y, which [rows / 2][width / 2] of x [rows][width]; where n is given, of the normalised x.
INLINE void TARGET(pool)(
    const KernelsNormalization *n, const float *x, int64_t rows, int64_t width, float *y, uint8_t *which
) {
    for (int64_t row = 0; row < rows / 2; row++)
        for (int64_t column = 0; column < width / 2; column += LANES) {
            int64_t here = width / 2 - column, at = row * (width / 2) + column;
            TARGET(Square) s = TARGET(square)(x + 2 * row * width + 2 * column, width, here);
            if (n) UNROLL for (int j = 0; j < 4; j++) s.at[j] = TARGET(normalized)(n, s.at[j]);
            I index;
            V most = TARGET(most)(s, &index);
            if (n && n->rectify) {
                // 4: none of the four, because none was above 0.
                I mask = most > zero();
                most = rectified(most);
                index = (mask & index) | (~mask & ((I){0} + 4));
            }
            store_some(y + at, most, here);
            TARGET(store_indices)(which + at, index, here);
        }
}
static void TARGET(max_pool)(const float *x, int64_t rows, int64_t width, float *y, uint8_t *which) {
    TARGET(pool)(0, x, rows, width, y, which);
}
static void TARGET(normalize_pool)(
    const KernelsNormalization *n, const float *x, int64_t rows, int64_t width, float *y, uint8_t *which
) {
    TARGET(pool)(n, x, rows, width, y, which);
}

// dx[rows][width] from g[rows / 2][width / 2]; what is left of odd sizes gets 0.
static void TARGET(max_pool_back)(const float *g, const uint8_t *which, int64_t rows, int64_t width, float *dx) {
    for (int64_t row = 0; row < rows / 2; row++) {
        for (int64_t column = 0; column < width / 2; column += LANES) {
            int64_t here = width / 2 - column, at = row * (width / 2) + column;
            V d = some(g + at, here);
            I index = TARGET(indices)(which + at, here);
            TARGET(Square) s;
            UNROLL for (int j = 0; j < 4; j++) s.at[j] = (V)((I)d & (index == ((I){0} + j)));
            TARGET(spread)(dx + 2 * row * width + 2 * column, width, here, s);
        }
        if (width % 2) dx[(2 * row + 1) * width - 1] = dx[(2 * row + 2) * width - 1] = 0;
    }
    if (rows % 2) __builtin_memset(dx + (rows - 1) * width, 0, (size_t)width * 4);
}

// The same as `normalize_sums` where pooling followed: g, which [rows / 2][width / 2]. Both sizes are even.
static void TARGET(normalize_sums_pooled)(
    const KernelsNormalization *n, const float *x, const float *g, const uint8_t *which, int64_t rows, int64_t width,
    double *sums
) {
    for (int64_t row = 0; row < rows / 2;) {
        V plain = zero(), weighted = zero();
        for (int64_t end = row + 16; row < end && row < rows / 2; row++)
            for (int64_t column = 0; column < width / 2; column += LANES) {
                int64_t here = width / 2 - column, at = row * (width / 2) + column;
                TARGET(Square) s = TARGET(square)(x + 2 * row * width + 2 * column, width, here);
                I index = TARGET(indices)(which + at, here);
                V d = (V)((I)some(g + at, here) & (index < ((I){0} + 4)));
                I chosen = (I){0};
                UNROLL for (int j = 0; j < 4; j++) chosen |= (I)s.at[j] & (index == ((I){0} + j));
                plain += d;
                weighted += d * ((V)chosen - n->mean);
            }
        sums[0] += TARGET(total)(plain);
        sums[1] += TARGET(total)(weighted);
    }
}

static void TARGET(normalize_back_pooled)(
    const KernelsNormalization *n, const float *x, const float *g, const uint8_t *which, int64_t rows, int64_t width,
    float centre, float tilt, float *dx
) {
    for (int64_t row = 0; row < rows / 2; row++)
        for (int64_t column = 0; column < width / 2; column += LANES) {
            int64_t here = width / 2 - column, at = row * (width / 2) + column;
            TARGET(Square) s = TARGET(square)(x + 2 * row * width + 2 * column, width, here);
            V d = some(g + at, here);
            I index = TARGET(indices)(which + at, here);
            UNROLL for (int j = 0; j < 4; j++) {
                V own = (V)((I)d & (index == ((I){0} + j)));
                s.at[j] = n->slope * (own - centre - (s.at[j] - n->mean) * tilt);
            }
            TARGET(spread)(dx + 2 * row * width + 2 * column, width, here, s);
        }
}

#undef MOST_AT_ONCE
