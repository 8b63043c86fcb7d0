// The gradients of a convolution that 2x2 maximum pooling follows. Of each square one pixel alone has a gradient, so a
// quarter of the multiplications of Convolution.h's do. Which pixel it is differs from image to image: here vectors hold
// channels of one image, not 16 images. Included by Kernels.h.

// Vectors of 8 where they can be: 20 channels fill 83 % of three, and 63 % of two of 16.
#if LANES >= 8
#define SHORT 8
#else
#define SHORT 4
#endif
typedef float TARGET(S) __attribute__((vector_size(SHORT * 4), aligned(4)));
#define S TARGET(S)
#if LANES == 16 || defined(__aarch64__)
// The sums of three vectors of channels for 5 pixels, with a filter's five rows one after the other, or of fewer with all.
#define CHANNEL_VECTORS 3
#define ROWS_AT_ONCE(k, vectors) ((k) * (vectors) <= 27 ? (k) : 1)
#else
#define CHANNEL_VECTORS 2
#define ROWS_AT_ONCE(k, vectors) 1
#endif

// at[outputs][16][squares]: where in the padded input of its image, counted in numbers, the filter's corner stood for the
// pixel that a square took; -1 for none.
static void TARGET(pooled_positions)(const KernelsPooledGradient *c, const uint8_t *which, float *work, int32_t *at) {
    const int64_t squares = c->rows * c->width;
    const int32_t pixel = (int32_t)c->pixel, pitch = (int32_t)c->pitch;
    for (int64_t o = 0; o < c->outputs; o++, at += squares * 16) {
        int32_t *place = (int32_t *)work;
        for (int64_t row = 0; row < c->rows; row++)
            for (int64_t column = 0; column < c->width; column++, place += 16, which += 16)
                for (int round = 0; round < ROUNDS; round++) {
                    I taken = __builtin_convertvector(*(const B *)(which + round * LANES), I);
                    I here = (taken & 1) * pixel + (taken >> 1) * pitch + (int32_t)(2 * (row * pitch + column * pixel));
                    *(I *)(place + round * LANES) = here | (taken == ((I){0} + 4));
                }
        TARGET(transpose)(work, squares, 16, 16, (float *)at, squares);
    }
}

// The sum of g where `at` is not negative.
INLINE float TARGET(sum_of_taken)(const float *g, const int32_t *at, int64_t count) {
    V sums = zero();
    int64_t p = 0;
    for (; p + LANES <= count; p += LANES) {
        V v = (V)*(const U *)(g + p);
        I places;
        __builtin_memcpy(&places, at + p, sizeof places);
        sums += (V)((I)v & (places >= (I){0}));
    }
    float sum = TARGET(total)(sums);
    for (; p < count; p++) sum += at[p] < 0 ? 0 : g[p];
    return sum;
}

// One image: dw[outputs][k][vectors * SHORT] += , with `chains` sums of each in turn, so that none waits for itself.
INLINE void TARGET(pooled_weight_gradient_of)(
    const KernelsPooledGradient *c, const float *x, const float *g, const int32_t *at, float *dw, float *db,
    int k, int vectors
) {
    const int rows = ROWS_AT_ONCE(k, vectors), chains = rows * vectors <= 6 ? 2 : 1;
    // At most 40 terms in one sum: see pieces in Kernels.h.
    const int64_t squares = c->rows * c->width, piece = 40 * chains;
    for (int64_t o = 0; o < c->outputs; o++, g += squares, at += squares * 16, dw += k * vectors * SHORT) {
        for (int64_t first = 0; first < squares; first += piece) {
            const int64_t end = first + piece < squares ? first + piece : squares;
            db[o] += TARGET(sum_of_taken)(g + first, at + first, end - first);
            for (int kh = 0; kh < k; kh += rows) {
                S a[2][5][15];
                UNROLL for (int chain = 0; chain < chains; chain++)
                    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) a[chain][r][v] = (S){0};
                const float *row = x + kh * c->pitch;
                int64_t p = first;
#define ADD(chain, p) \
    if (at[p] >= 0) { \
        const float *from = row + at[p]; \
        S d = g[p] - (S){0}; \
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) \
            a[chain][r][v] += d * *(const S *)(from + r * c->pitch + v * SHORT); \
    }
                for (; p + chains <= end; p += chains) UNROLL for (int chain = 0; chain < chains; chain++) ADD(chain, p + chain)
                for (; p < end; p++) ADD(0, p)
#undef ADD
                UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) {
                    S *to = (S *)(dw + ((kh + r) * vectors + v) * SHORT);
                    *to += chains == 2 ? a[0][r][v] + a[1][r][v] : a[0][r][v];
                }
            }
        }
    }
}

// One image: dx[padded rows][pitch] += what w[outputs][k][vectors * SHORT] brings there.
INLINE void TARGET(pooled_data_gradient_of)(
    const KernelsPooledGradient *c, const float *g, const uint8_t *which, const float *w, void *work, float *dx,
    int k, int vectors
) {
    typedef struct {
        float gradient;
        int32_t filter;
    } Entry;
    const int64_t squares = c->rows * c->width, filter = k * vectors * SHORT;
    // The squares are taken in bands: each has the filters of one row in the nearest cache, and its lists beside them.
    const int64_t band = (KERNELS_POOLED_SQUARES / c->width > 1 ? KERNELS_POOLED_SQUARES / c->width : 1) * c->width;
    int32_t *counts = work;
    Entry *entries = (Entry *)(counts + 4 * band);
    for (int64_t first = 0; first < squares; first += band) {
        const int64_t end = first + band < squares ? first + band : squares;
        __builtin_memset(counts, 0, (size_t)(end - first) * 16);
        for (int64_t o = 0; o < c->outputs; o++)
            for (int64_t p = first; p < end; p++) {
                uint8_t taken = which[(o * squares + p) * 16];
                if (taken == 4) continue;
                int64_t list = (p - first) * 4 + taken;
                entries[list * c->outputs + counts[list]++] = (Entry){g[o * squares + p], (int32_t)(o * filter)};
            }
        for (int kh = 0; kh < k; kh++)
            for (int64_t p = first; p < end; p++)
                for (int taken = 0; taken < 4; taken++) {
                    const int64_t list = (p - first) * 4 + taken, count = counts[list];
                    const Entry *entry = entries + list * c->outputs;
                    float *to = dx + (2 * (p / c->width) + taken / 2 + kh) * c->pitch
                        + (2 * (p % c->width) + taken % 2) * c->pixel;
                    const float *row = w + kh * vectors * SHORT;
                    for (int64_t i = 0; i < count;) {
                        S a[15];
                        UNROLL for (int v = 0; v < vectors; v++) a[v] = (S){0};
                        // Likewise at most 40 terms.
                        for (int64_t last = i + 40 < count ? i + 40 : count; i < last; i++) {
                            const float *from = row + entry[i].filter;
                            S d = entry[i].gradient - (S){0};
                            UNROLL for (int v = 0; v < vectors; v++) a[v] += d * *(const S *)(from + v * SHORT);
                        }
                        UNROLL for (int v = 0; v < vectors; v++) *(S *)(to + v * SHORT) += a[v];
                    }
                }
    }
}

#define EACH_SIZE(name, ...) \
    switch (c->kernel * 100 + c->vectors) { \
    case 301: return name(__VA_ARGS__, 3, 1); \
    case 302: return name(__VA_ARGS__, 3, 2); \
    case 303: return name(__VA_ARGS__, 3, 3); \
    case 306: return name(__VA_ARGS__, 3, 6); \
    case 309: return name(__VA_ARGS__, 3, 9); \
    case 501: return name(__VA_ARGS__, 5, 1); \
    case 502: return name(__VA_ARGS__, 5, 2); \
    case 503: return name(__VA_ARGS__, 5, 3); \
    case 504: return name(__VA_ARGS__, 5, 4); \
    case 505: return name(__VA_ARGS__, 5, 5); \
    case 510: return name(__VA_ARGS__, 5, 10); \
    case 515: return name(__VA_ARGS__, 5, 15); \
    default: __builtin_trap(); \
    }
static void TARGET(pooled_weight_gradient)(
    const KernelsPooledGradient *c, const float *x, const float *g, const int32_t *at, float *dw, float *db
) {
    EACH_SIZE(TARGET(pooled_weight_gradient_of), c, x, g, at, dw, db)
}
static void TARGET(pooled_data_gradient)(
    const KernelsPooledGradient *c, const float *g, const uint8_t *which, const float *w, void *work, float *dx
) {
    EACH_SIZE(TARGET(pooled_data_gradient_of), c, g, which, w, work, dx)
}
#undef EACH_SIZE
