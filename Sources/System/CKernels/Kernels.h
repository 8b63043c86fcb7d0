// Vector kernels, written once and compiled for each kind of processor: Kernels.c includes this file with TARGET(name)
// and LANES set. No include guard, on purpose.
//
// Convolutions work on 16 images side by side, so that every vector is full whatever the channels and sizes are, and
// a weight is one broadcast number. A vector of 16 lanes does them at once; narrower ones in several rounds.

#if LANES == 16 || defined(__aarch64__)
// 32 registers: 5 x 4 sums, 5 weights, the rest for inputs.
#define OUTPUTS 5
#define INPUTS 2
#define BLOCK 5
#define COLUMNS 4
#else
// 16 registers.
#define OUTPUTS 3
#define INPUTS 1
#define BLOCK 2
#define COLUMNS 2
#endif
#define ROUNDS (16 / LANES)
// Holds a value in its register, where the compiler would read it from memory again for each use.
#if defined(__aarch64__)
#define KEEP(v) __asm__("" : "+w"(v))
#else
#define KEEP(v) __asm__("" : "+v"(v))
#endif
// Sums stay in registers only if every loop over them has a constant count: a loop up to a variable, even one that
// runs once at the end, puts them in memory (105 instead of 160 GFLOP/s).

typedef float TARGET(V) __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));
typedef int32_t TARGET(I) __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));
typedef float TARGET(U) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef uint8_t TARGET(B) __attribute__((vector_size(LANES), aligned(LANES)));
#define V TARGET(V)
#define I TARGET(I)
#define U TARGET(U)
#define B TARGET(B)
#define EXPAND(...) __VA_ARGS__
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

INLINE V TARGET(load)(const float *p) { return *(const V *)p; }
INLINE void TARGET(store)(float *p, V v) { *(V *)p = v; }
#define load TARGET(load)
#define store TARGET(store)
INLINE V TARGET(zero)(void) { return (V){0}; }
#define zero TARGET(zero)
INLINE float TARGET(total)(V v) {
    float sum = 0;
    float lanes[LANES];
    __builtin_memcpy(lanes, &v, sizeof v);
    // Halves onto halves: the same order for every vector width of this table.
    for (int half = LANES / 2; half; half /= 2) {
        UNROLL for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    sum = lanes[0];
    return sum;
}
// The totals of LANES vectors at once: pairs are folded into one vector of half sums, those again, and so on.
INLINE V TARGET(totals)(const V *v) {
#define FOLD(a, b, low, high) (__builtin_shufflevector(a, b, low) + __builtin_shufflevector(a, b, high))
    V h[LANES / 2];
#if LANES == 16
    UNROLL for (int i = 0; i < 8; i++)
        h[i] = FOLD(v[2 * i], v[2 * i + 1], EXPAND(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
                    EXPAND(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
    UNROLL for (int i = 0; i < 4; i++)
        h[i] = FOLD(h[2 * i], h[2 * i + 1], EXPAND(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27),
                    EXPAND(4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31));
    UNROLL for (int i = 0; i < 2; i++)
        h[i] = FOLD(h[2 * i], h[2 * i + 1], EXPAND(0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29),
                    EXPAND(2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31));
    return FOLD(h[0], h[1], EXPAND(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
                EXPAND(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
#elif LANES == 8
    UNROLL for (int i = 0; i < 4; i++)
        h[i] = FOLD(v[2 * i], v[2 * i + 1], EXPAND(0, 1, 2, 3, 8, 9, 10, 11), EXPAND(4, 5, 6, 7, 12, 13, 14, 15));
    UNROLL for (int i = 0; i < 2; i++)
        h[i] = FOLD(h[2 * i], h[2 * i + 1], EXPAND(0, 1, 4, 5, 8, 9, 12, 13), EXPAND(2, 3, 6, 7, 10, 11, 14, 15));
    return FOLD(h[0], h[1], EXPAND(0, 2, 4, 6, 8, 10, 12, 14), EXPAND(1, 3, 5, 7, 9, 11, 13, 15));
#else
    UNROLL for (int i = 0; i < 2; i++)
        h[i] = FOLD(v[2 * i], v[2 * i + 1], EXPAND(0, 1, 4, 5), EXPAND(2, 3, 6, 7));
    return FOLD(h[0], h[1], EXPAND(0, 2, 4, 6), EXPAND(1, 3, 5, 7));
#endif
#undef FOLD
}
INLINE V TARGET(larger)(V a, V b) {
    I mask = a > b;
    return (V)((mask & (I)a) | (~mask & (I)b));
}
#define larger TARGET(larger)

// ---- Convolution, stride 1

INLINE void TARGET(convolve_k)(
    const KernelsConvolution *c, const float *x, const float *w, const float *bias, int rectify, float *y, int k
) {
    const int64_t plane = c->inputRows * c->inputPitch * 16, pitch = c->inputPitch * 16;
    const int64_t outPlane = c->rows * c->outputPitch * 16;
    for (int64_t o = 0; o < c->outputs; o += OUTPUTS) {
        const float *wo = w + o * c->inputs * k * k;
        int64_t here = c->outputs - o < OUTPUTS ? c->outputs - o : OUTPUTS;
        for (int64_t row = 0; row < c->rows; row++)
            for (int64_t column = 0; column < c->width; column += 4)
                for (int round = 0; round < ROUNDS; round++) {
                    V a[OUTPUTS][4];
                    UNROLL for (int i = 0; i < OUTPUTS; i++) {
                        V b = (i < here ? bias[o + i] : 0) - zero();
                        UNROLL for (int j = 0; j < 4; j++) a[i][j] = b;
                    }
                    const float *xi = x + row * pitch + column * 16 + round * LANES;
                    const float *wi = wo;
                    for (int64_t input = 0; input < c->inputs; input++, xi += plane, wi += k * k * OUTPUTS)
                        UNROLL for (int kh = 0; kh < k; kh++) {
                            V r[8];
                            UNROLL for (int j = 0; j < 3 + k; j++) r[j] = load(xi + kh * pitch + j * 16);
                            UNROLL for (int kw = 0; kw < k; kw++)
                                UNROLL for (int i = 0; i < OUTPUTS; i++) {
                                    float ww = wi[(kh * k + kw) * OUTPUTS + i];
                                    UNROLL for (int j = 0; j < 4; j++) a[i][j] += ww * r[kw + j];
                                }
                        }
                    UNROLL for (int i = 0; i < OUTPUTS; i++) {
                        if (i >= here) break;
                        float *to = y + (o + i) * outPlane + (row * c->outputPitch + column) * 16 + round * LANES;
                        UNROLL for (int j = 0; j < 4; j++)
                            store(to + j * 16, rectify ? larger(a[i][j], zero()) : a[i][j]);
                    }
                }
    }
}

static void TARGET(convolve)(
    const KernelsConvolution *c, const float *x, const float *w, const float *bias, int rectify, float *y
) {
    if (c->kernel == 5) TARGET(convolve_k)(c, x, w, bias, rectify, y, 5);
    else TARGET(convolve_k)(c, x, w, bias, rectify, y, 3);
}

INLINE void TARGET(convolve_pool_k)(
    const KernelsConvolution *c, const float *x, const float *w, const float *bias, int rectify, float *y,
    uint8_t *which, int k
) {
    const int64_t plane = c->inputRows * c->inputPitch * 16, pitch = c->inputPitch * 16;
    const int64_t height = c->rows / 2, width = c->width / 2;
    for (int64_t o = 0; o < c->outputs; o += OUTPUTS) {
        const float *wo = w + o * c->inputs * k * k;
        int64_t here = c->outputs - o < OUTPUTS ? c->outputs - o : OUTPUTS;
        for (int64_t row = 0; row < height; row++)
            for (int64_t column = 0; column < width; column++)
                for (int round = 0; round < ROUNDS; round++) {
                    V a[OUTPUTS][4];
                    UNROLL for (int i = 0; i < OUTPUTS; i++) {
                        V b = (i < here ? bias[o + i] : 0) - zero();
                        UNROLL for (int j = 0; j < 4; j++) a[i][j] = b;
                    }
                    const float *xi = x + 2 * row * pitch + 2 * column * 16 + round * LANES;
                    const float *wi = wo;
                    for (int64_t input = 0; input < c->inputs; input++, xi += plane, wi += k * k * OUTPUTS)
                        UNROLL for (int kh = 0; kh < k; kh++) {
                            V r0[6], r1[6];
                            UNROLL for (int j = 0; j < 1 + k; j++) {
                                r0[j] = load(xi + kh * pitch + j * 16);
                                r1[j] = load(xi + (kh + 1) * pitch + j * 16);
                            }
                            UNROLL for (int kw = 0; kw < k; kw++)
                                UNROLL for (int i = 0; i < OUTPUTS; i++) {
                                    float ww = wi[(kh * k + kw) * OUTPUTS + i];
                                    a[i][0] += ww * r0[kw];
                                    a[i][1] += ww * r0[kw + 1];
                                    a[i][2] += ww * r1[kw];
                                    a[i][3] += ww * r1[kw + 1];
                                }
                        }
                    UNROLL for (int i = 0; i < OUTPUTS; i++) {
                        if (i >= here) break;
                        V most = a[i][0];
                        I index = (I){0};
                        UNROLL for (int j = 1; j < 4; j++) {
                            I mask = a[i][j] > most;
                            most = (V)((mask & (I)a[i][j]) | (~mask & (I)most));
                            index = (mask & ((I){0} + j)) | (~mask & index);
                        }
                        if (rectify) {
                            // 4: none of the four, because none was above 0.
                            I mask = most > zero();
                            most = (V)(mask & (I)most);
                            index = (mask & index) | (~mask & ((I){0} + 4));
                        }
                        int64_t at = (((o + i) * height + row) * width + column) * 16 + round * LANES;
                        store(y + at, most);
                        *(B *)(which + at) = __builtin_convertvector(index, B);
                    }
                }
    }
}

static void TARGET(convolve_pool)(
    const KernelsConvolution *c, const float *x, const float *w, const float *bias, int rectify, float *y,
    uint8_t *which
) {
    if (c->kernel == 5) TARGET(convolve_pool_k)(c, x, w, bias, rectify, y, which, 5);
    else TARGET(convolve_pool_k)(c, x, w, bias, rectify, y, which, 3);
}

INLINE void TARGET(weight_gradient_k)(
    const KernelsConvolution *c, const float *x, const float *dy, float *dw, float *db, int64_t first, int64_t end,
    int k
) {
    const int64_t outPitch = c->outputPitch * 16, outPlane = c->rows * outPitch;
    for (int64_t o = first; o < end; o += BLOCK) {
        int64_t here = end - o < BLOCK ? end - o : BLOCK;
        // Where the block is not full its last channel is computed again and thrown away.
        const float *d0[BLOCK];
        UNROLL for (int i = 0; i < BLOCK; i++) d0[i] = dy + (o + (i < here ? i : here - 1)) * outPlane;
        for (int64_t input = 0; input < c->inputs; input++)
            for (int kh = 0; kh < k; kh++) {
                V a[BLOCK][5];
                UNROLL for (int i = 0; i < BLOCK; i++) UNROLL for (int j = 0; j < k; j++) a[i][j] = zero();
                for (int64_t row = 0; row < c->rows; row++) {
                    const float *xr = x + ((input * c->inputRows) + row + kh) * c->inputPitch * 16;
                    const int64_t from = row * outPitch;
                    for (int64_t column = 0; column < c->width * 16; column += LANES)
                    {
                        V r[5];
                        UNROLL for (int j = 0; j < k; j++) {
                            r[j] = load(xr + column + j * 16);
                            KEEP(r[j]);
                        }
                        UNROLL for (int i = 0; i < BLOCK; i++) {
                            V d = load(d0[i] + from + column);
                            UNROLL for (int j = 0; j < k; j++) a[i][j] += d * r[j];
                        }
                    }
                }
                V flat[(BLOCK * 5 + LANES - 1) / LANES * LANES];
                UNROLL for (int n = 0; n < (BLOCK * k + LANES - 1) / LANES * LANES; n++)
                    flat[n] = n < BLOCK * k ? a[n / k][n % k] : zero();
                float sums[(BLOCK * 5 + LANES - 1) / LANES * LANES];
                UNROLL for (int n = 0; n < (BLOCK * k + LANES - 1) / LANES; n++)
                    *(U *)(sums + n * LANES) = TARGET(totals)(flat + n * LANES);
                UNROLL for (int i = 0; i < BLOCK; i++) {
                    if (i >= here) break;
                    float *to = dw + (((o + i) * c->inputs + input) * k + kh) * k;
                    UNROLL for (int j = 0; j < k; j++) to[j] += sums[i * k + j];
                }
            }
        for (int i = 0; i < here; i++) {
            V s = zero();
            for (int64_t row = 0; row < c->rows; row++)
                for (int64_t column = 0; column < c->width * 16; column += LANES)
                    s += load(d0[i] + row * outPitch + column);
            db[o + i] += TARGET(total)(s);
        }
    }
}

static void TARGET(weight_gradient)(
    const KernelsConvolution *c, const float *x, const float *dy, float *dw, float *db, int64_t first, int64_t end
) {
    if (c->kernel == 5) TARGET(weight_gradient_k)(c, x, dy, dw, db, first, end, 5);
    else TARGET(weight_gradient_k)(c, x, dy, dw, db, first, end, 3);
}

// Eight columns of dy reach 8 + k - 1 columns of dx, whose sums stay in registers; rows outside dy are never touched.
INLINE void TARGET(data_gradient_k)(
    const KernelsConvolution *c, const float *dy, const float *w, float *dx, int64_t first, int64_t end, int k
) {
    const int64_t outPitch = c->outputPitch * 16, outPlane = c->rows * outPitch;
    const int64_t pitch = c->inputPitch * 16, plane = c->inputRows * pitch;
    for (int64_t input = first; input < end; input += INPUTS) {
        const float *wc = w + input * c->outputs * k * k;
        int64_t here = end - input < INPUTS ? end - input : INPUTS;
        for (int64_t row = c->firstRow; row < c->endRow; row++) {
            int64_t kh0 = row >= c->rows ? row - c->rows + 1 : 0, kh1 = row < k - 1 ? row : k - 1;
            for (int64_t column = 0; column < c->width; column += 8)
                for (int round = 0; round < ROUNDS; round++) {
                    V a[INPUTS][12];
                    UNROLL for (int i = 0; i < INPUTS; i++) UNROLL for (int j = 0; j < 7 + k; j++) a[i][j] = zero();
                    for (int64_t o = 0; o < c->outputs; o++)
                        for (int64_t kh = kh0; kh <= kh1; kh++) {
                            const float *d = dy + o * outPlane + (row - kh) * outPitch + column * 16 + round * LANES;
                            const float *wk = wc + ((o * k + kh) * k) * INPUTS;
                            UNROLL for (int j = 0; j < 8; j++) {
                                V v = load(d + j * 16);
                                UNROLL for (int kw = 0; kw < k; kw++)
                                    UNROLL for (int i = 0; i < INPUTS; i++) a[i][j + kw] += v * wk[kw * INPUTS + i];
                            }
                        }
                    UNROLL for (int i = 0; i < INPUTS; i++) {
                        if (i >= here) break;
                        float *to = dx + (input + i) * plane + row * pitch + column * 16 + round * LANES;
                        UNROLL for (int j = 0; j < 7 + k; j++) {
                            V v = a[i][j];
                            if (j < k - 1 && column) v += load(to + j * 16);
                            store(to + j * 16, v);
                        }
                    }
                }
        }
    }
}

static void TARGET(data_gradient)(
    const KernelsConvolution *c, const float *dy, const float *w, float *dx, int64_t first, int64_t end
) {
    if (c->kernel == 5) TARGET(data_gradient_k)(c, dy, w, dx, first, end, 5);
    else TARGET(data_gradient_k)(c, dy, w, dx, first, end, 3);
}

// ---- 16 images side by side, and back

INLINE void TARGET(transpose4)(const float *from, int64_t fromStride, float *to, int64_t toStride) {
    Four a = *(const LooseFour *)from, b = *(const LooseFour *)(from + fromStride);
    Four c = *(const LooseFour *)(from + 2 * fromStride), d = *(const LooseFour *)(from + 3 * fromStride);
    Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    Four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(LooseFour *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(LooseFour *)(to + toStride) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(LooseFour *)(to + 2 * toStride) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
    *(LooseFour *)(to + 3 * toStride) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}

static void TARGET(pack)(
    const float *source, int64_t stride, int64_t count, int64_t rows, int64_t width, int64_t left, int64_t pitch,
    float *packed
) {
    for (int64_t row = 0; row < rows; row++) {
        float *to = packed + row * pitch * 16;
        const float *from = source + row * width;
        __builtin_memset(to, 0, left * 64);
        to += left * 16;
        int64_t x = 0;
        if (count == 16) {
            for (; x + 4 <= width; x += 4)
                UNROLL for (int n = 0; n < 16; n += 4)
                    TARGET(transpose4)(from + n * stride + x, stride, to + x * 16 + n, 16);
        }
        for (; x < width; x++)
            for (int n = 0; n < 16; n++) to[x * 16 + n] = n < count ? from[n * stride + x] : 0;
        __builtin_memset(to + width * 16, 0, (pitch - left - width) * 64);
    }
}

static void TARGET(unpack)(
    const float *packed, int64_t rows, int64_t width, int64_t left, int64_t pitch, float *target, int64_t stride,
    int64_t count
) {
    for (int64_t row = 0; row < rows; row++) {
        const float *from = packed + (row * pitch + left) * 16;
        float *to = target + row * width;
        int64_t x = 0;
        if (count == 16) {
            for (; x + 4 <= width; x += 4)
                UNROLL for (int n = 0; n < 16; n += 4)
                    TARGET(transpose4)(from + x * 16 + n, 16, to + n * stride + x, stride);
        }
        for (; x < width; x++)
            for (int n = 0; n < count; n++) to[n * stride + x] = from[x * 16 + n];
    }
}

static void TARGET(unpool)(
    const float *d, const uint8_t *which, int64_t rows, int64_t width, int64_t pitch, float *dy
) {
    for (int64_t row = 0; row < rows / 2; row++) {
        for (int64_t column = 0; column < width / 2; column++)
            for (int round = 0; round < ROUNDS; round++) {
                int64_t from = (row * (width / 2) + column) * 16 + round * LANES;
                V v = load(d + from);
                I index = __builtin_convertvector(*(const B *)(which + from), I);
                UNROLL for (int j = 0; j < 4; j++) {
                    I mask = index == ((I){0} + j);
                    float *to = dy + ((2 * row + j / 2) * pitch + 2 * column + j % 2) * 16 + round * LANES;
                    store(to, (V)(mask & (I)v));
                }
            }
        // An odd last column, and what fills the pitch.
        for (int64_t r = 2 * row; r < 2 * row + 2; r++)
            __builtin_memset(dy + (r * pitch + width / 2 * 2) * 16, 0, (pitch - width / 2 * 2) * 64);
    }
    if (rows % 2) __builtin_memset(dy + (rows - 1) * pitch * 16, 0, pitch * 64);
}

// ---- Products of matrices

INLINE void TARGET(product_tile)(
    const float *a, int64_t aRow, int64_t aStep, const float *b, int64_t bRow, float *c, int64_t cRow, int64_t inner,
    int accumulate, int rows
) {
    V sum[6][COLUMNS];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < COLUMNS; j++) sum[i][j] = accumulate ? (V)*(U *)(c + i * cRow + j * LANES) : zero();
    for (int64_t k = 0; k < inner; k++) {
        V bk[COLUMNS];
        UNROLL for (int j = 0; j < COLUMNS; j++) bk[j] = (V)*(const U *)(b + k * bRow + j * LANES);
        UNROLL for (int i = 0; i < rows; i++) {
            float ak = a[i * aRow + k * aStep];
            UNROLL for (int j = 0; j < COLUMNS; j++) sum[i][j] += ak * bk[j];
        }
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < COLUMNS; j++) *(U *)(c + i * cRow + j * LANES) = (U)sum[i][j];
}

static void TARGET(product_rows)(
    const float *a, int64_t aRow, int64_t aStep, const float *b, int64_t bRow, float *c, int64_t cRow, int64_t rows,
    int64_t inner, int accumulate
) {
    int64_t row = 0;
    for (; row + 6 <= rows; row += 6)
        TARGET(product_tile)(a + row * aRow, aRow, aStep, b, bRow, c + row * cRow, cRow, inner, accumulate, 6);
    a += row * aRow;
    c += row * cRow;
    switch (rows - row) {
    case 5: TARGET(product_tile)(a, aRow, aStep, b, bRow, c, cRow, inner, accumulate, 5); break;
    case 4: TARGET(product_tile)(a, aRow, aStep, b, bRow, c, cRow, inner, accumulate, 4); break;
    case 3: TARGET(product_tile)(a, aRow, aStep, b, bRow, c, cRow, inner, accumulate, 3); break;
    case 2: TARGET(product_tile)(a, aRow, aStep, b, bRow, c, cRow, inner, accumulate, 2); break;
    case 1: TARGET(product_tile)(a, aRow, aStep, b, bRow, c, cRow, inner, accumulate, 1); break;
    default: break;
    }
}

// A panel of `right` is read again for every six rows: it has to stay in the cache, so long sums come in pieces.
static void TARGET(multiply)(
    const float *a, int64_t aRow, int64_t aStep, const float *b, int64_t bRow, float *c, int64_t cRow, int64_t rows,
    int64_t columns, int64_t inner, int accumulate
) {
    enum { WIDTH = COLUMNS * LANES, DEPTH = 512 };
    for (int64_t k = 0; k < inner; k += DEPTH) {
        int64_t depth = inner - k < DEPTH ? inner - k : DEPTH;
        int adds = accumulate || k > 0;
        int64_t column = 0;
        for (; column + WIDTH <= columns; column += WIDTH)
            TARGET(product_rows)(
                a + k * aStep, aRow, aStep, b + k * bRow + column, bRow, c + column, cRow, rows, depth, adds);
        if (column == columns) continue;
        // What is left of the columns, in memory as wide as the others.
        int64_t rest = columns - column;
        float *panel = kernels_scratch(6, (depth + rows) * WIDTH), *out = panel + depth * WIDTH;
        for (int64_t i = 0; i < depth; i++)
            for (int64_t j = 0; j < WIDTH; j++) panel[i * WIDTH + j] = j < rest ? b[(k + i) * bRow + column + j] : 0;
        for (int64_t i = 0; adds && i < rows; i++)
            for (int64_t j = 0; j < WIDTH; j++) out[i * WIDTH + j] = j < rest ? c[i * cRow + column + j] : 0;
        TARGET(product_rows)(a + k * aStep, aRow, aStep, panel, WIDTH, out, WIDTH, rows, depth, adds);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < rest; j++) c[i * cRow + column + j] = out[i * WIDTH + j];
    }
}

static void TARGET(transpose)(const float *from, int64_t rows, int64_t columns, int64_t fromRow, float *to, int64_t toRow) {
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) {
        int64_t column = 0;
        for (; column + 4 <= columns; column += 4)
            TARGET(transpose4)(from + row * fromRow + column, fromRow, to + column * toRow + row, toRow);
        for (; column < columns; column++)
            for (int i = 0; i < 4; i++) to[column * toRow + row + i] = from[(row + i) * fromRow + column];
    }
    for (; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) to[column * toRow + row] = from[row * fromRow + column];
}

// ---- Flat memory

static void TARGET(sum_parts)(const float *parts, int64_t partCount, int64_t stride, int64_t count, float *out) {
    for (int64_t i = 0; i < count; i++) {
        float sum = parts[i];
        for (int64_t p = 1; p < partCount; p++) sum += parts[p * stride + i];
        out[i] = sum;
    }
}

static void TARGET(momentum_step)(
    float *p, const float *g, float *m, int64_t count, float rate, float momentum, float decay, int nesterov
) {
    if (nesterov) {
        for (int64_t i = 0; i < count; i++) {
            float gradient = g[i] + decay * p[i], moment = momentum * m[i] + gradient;
            m[i] = moment;
            p[i] -= rate * (gradient + momentum * moment);
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            float moment = momentum * m[i] + (g[i] + decay * p[i]);
            m[i] = moment;
            p[i] -= rate * moment;
        }
    }
}

static const KernelsTable TARGET(table) = {
    .name = TARGET_NAME,
    .outputBlock = OUTPUTS,
    .inputBlock = INPUTS,
    .convolve = TARGET(convolve),
    .convolvePool = TARGET(convolve_pool),
    .weightGradient = TARGET(weight_gradient),
    .dataGradient = TARGET(data_gradient),
    .pack = TARGET(pack),
    .unpack = TARGET(unpack),
    .unpool = TARGET(unpool),
    .multipliesFast = LANES == 16,
    .multiply = TARGET(multiply),
    .transpose = TARGET(transpose),
    .sumParts = TARGET(sum_parts),
    .momentumStep = TARGET(momentum_step),
};

#undef V
#undef I
#undef U
#undef B
#undef load
#undef store
#undef zero
#undef larger
#undef INLINE
#undef EXPAND
#undef UNROLL
#undef OUTPUTS
#undef INPUTS
#undef BLOCK
#undef COLUMNS
#undef KEEP
#undef ROUNDS
