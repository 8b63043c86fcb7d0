// Batch normalisation of one channel's plane at a time, with the ReLU that follows it; with pooling behind that it is in
// Pooling.h. Included by Kernels.h; the plain versions are the steps of Normalization.swift in `float64`.

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

#undef MOST_AT_ONCE
