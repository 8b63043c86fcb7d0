// Maximum pooling: of 2x2 squares, alone or joined to the batch normalisation and the ReLU before it, and with windows of
// any size and stride. Included by Kernels.h, behind Normalization.h; the plain version is `pickLargest` in Pooling.swift.

// ---- 2x2 squares

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

// ---- Windows of any size and stride, LANES windows of a row at a time

// x[…][pitch] with -infinity around it, at least as wide as a whole number of vectors of windows wants.
static void TARGET(max_pool_windows)(
    const KernelsPooling *p, const float *x, int64_t pitch, float *y, int32_t *positions
) {
    I lane = (I){0};
    for (int i = 0; i < LANES; i++) lane[i] = i * (int32_t)p->columnStride;
    for (int64_t row = 0; row < p->rows; row++)
        for (int64_t column = 0; column < p->width; column += LANES) {
            const int64_t top = row * p->rowStride, left = column * p->columnStride;
            V most = zero() - __builtin_inff();
            // Where all is -infinity: the first pixel that is inside.
            I from = lane + (int32_t)(left - p->left), inside = from & ~(from < 0);
            I at = inside + (int32_t)((top > p->top ? top - p->top : 0) * p->inputWidth);
            for (int64_t i = 0; i < p->windowRows; i++)
                for (int64_t j = 0; j < p->windowColumns; j++) {
                    const float *q = x + (top + i) * pitch + left + j;
                    V v;
                    if (p->columnStride == 1) v = (V)*(const U *)q;
                    else UNROLL for (int l = 0; l < LANES; l++) v[l] = q[l * p->columnStride];
                    // NaN counts as the largest.
                    I mask = (v > most) | (v != v);
                    I place = from + (int32_t)((top + i - p->top) * p->inputWidth + j);
                    most = (V)((mask & (I)v) | (~mask & (I)most));
                    at = (mask & place) | (~mask & at);
                }
            store_some(y + row * p->width + column, most, p->width - column);
            for (int64_t l = 0; l < LANES && column + l < p->width; l++) positions[row * p->width + column + l] = at[l];
        }
}
