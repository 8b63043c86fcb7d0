// Convolutions with 3x3 and 5x5 filters and stride 1, 16 images side by side: every vector is full whatever the channels
// and sizes are, and a weight is one broadcast number. A vector of 16 lanes does them at once; narrower ones in several
// rounds. Included by Kernels.h; the plain version is CPU/PlainConvolution.swift.

// Sums come in pieces (Kernels.h): after so many of `count` steps, each of so many products, what the registers hold is set
// aside in memory, and they begin again.
INLINE int64_t TARGET(steps_of_piece)(int64_t count, int64_t products) {
    int64_t pieces = TARGET(pieces)(count * products);
    return (count + pieces - 1) / pieces;
}
#define ASIDE(count) V aside[count]
#define SET_ASIDE(rows, columns, isFirst) \
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) { \
        aside[i * (columns) + j] = (isFirst) ? a[i][j] : aside[i * (columns) + j] + a[i][j]; \
        a[i][j] = zero(); \
    }
#define TAKE_BACK(rows, columns, isThere) \
    if (isThere) \
        UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) a[i][j] += aside[i * (columns) + j]

INLINE void TARGET(convolve_k)(
    const KernelsConvolution *c, const float *x, const float *w, const float *bias, int rectify, float *y, int k
) {
    const int64_t plane = c->inputRows * c->inputPitch * 16, pitch = c->inputPitch * 16;
    const int64_t perPiece = TARGET(steps_of_piece)(c->inputs, k * k);
    const int64_t outPlane = c->rows * c->outputPitch * 16;
    for (int64_t o = 0; o < c->outputs; o += OUTPUTS) {
        const float *wo = w + o * c->inputs * k * k;
        int64_t here = c->outputs - o < OUTPUTS ? c->outputs - o : OUTPUTS;
        for (int64_t row = 0; row < c->rows; row++)
            for (int64_t column = 0; column < c->width; column += 4)
                for (int round = 0; round < ROUNDS; round++) {
                    const float *xi = x + row * pitch + column * 16 + round * LANES;
                    const float *wi = wo;
                    for (int64_t input = 0; input < c->inputs;) {
                        const int64_t end = input + perPiece < c->inputs ? input + perPiece : c->inputs;
                        const int isFirst = input == 0;
                        V a[OUTPUTS][4];
                        UNROLL for (int i = 0; i < OUTPUTS; i++) {
                            V b = (isFirst && i < here ? bias[o + i] : 0) - zero();
                            UNROLL for (int j = 0; j < 4; j++) a[i][j] = b;
                        }
                        for (; input < end; input++, xi += plane, wi += k * k * OUTPUTS)
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
                            UNROLL for (int j = 0; j < 4; j++) {
                                V sum = isFirst ? a[i][j] : load(to + j * 16) + a[i][j];
                                store(to + j * 16, rectify && end == c->inputs ? rectified(sum) : sum);
                            }
                        }
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
    const int64_t perPiece = TARGET(steps_of_piece)(c->inputs, k * k);
    const int64_t height = c->rows / 2, width = c->width / 2;
    ASIDE(OUTPUTS * 4);
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
                    int64_t left = perPiece;
                    for (int64_t input = 0; input < c->inputs; input++, xi += plane, wi += k * k * OUTPUTS) {
                        if (left-- == 0) {
                            SET_ASIDE(OUTPUTS, 4, input == perPiece);
                            left = perPiece - 1;
                        }
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
                    }
                    TAKE_BACK(OUTPUTS, 4, c->inputs > perPiece);
                    UNROLL for (int i = 0; i < OUTPUTS; i++) {
                        if (i >= here) break;
                        V most = a[i][0];
                        I index = (I){0};
                        UNROLL for (int j = 1; j < 4; j++) {
                            I mask = (a[i][j] > most) | (a[i][j] != a[i][j]);
                            most = (V)((mask & (I)a[i][j]) | (~mask & (I)most));
                            index = (mask & ((I){0} + j)) | (~mask & index);
                        }
                        if (rectify) {
                            // 4: none of the four, because none was above 0.
                            I mask = most > zero();
                            most = rectified(most);
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
    // The errors of the lanes' sums partly cancel, so each may be as long as 40 in one sum, times the lanes.
    const int64_t perPiece = c->width * ROUNDS < 40 * LANES ? 40 * LANES / (c->width * ROUNDS) : 1;
    for (int64_t o = first; o < end; o += BLOCK) {
        int64_t here = end - o < BLOCK ? end - o : BLOCK;
        // Where the block is not full its last channel is computed again and thrown away.
        const float *d0[BLOCK];
        UNROLL for (int i = 0; i < BLOCK; i++) d0[i] = dy + (o + (i < here ? i : here - 1)) * outPlane;
        for (int64_t input = 0; input < c->inputs; input++)
            for (int kh = 0; kh < k; kh++)
                for (int64_t piece = 0; piece < c->rows; piece += perPiece) {
                    const int64_t endRow = piece + perPiece < c->rows ? piece + perPiece : c->rows;
                    V a[BLOCK][5];
                    UNROLL for (int i = 0; i < BLOCK; i++) UNROLL for (int j = 0; j < k; j++) a[i][j] = zero();
                    for (int64_t row = piece; row < endRow; row++) {
                        const float *xr = x + ((input * c->inputRows) + row + kh) * c->inputPitch * 16;
                        const int64_t from = row * outPitch;
                        for (int64_t column = 0; column < c->width * 16; column += LANES) {
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
            for (int64_t row = 0; row < c->rows; row++) {
                V ofRow = zero();
                for (int64_t column = 0; column < c->width * 16; column += LANES)
                    ofRow += load(d0[i] + row * outPitch + column);
                s += ofRow;
            }
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
    const int64_t perPiece = TARGET(steps_of_piece)(c->outputs, k * k);
    ASIDE(INPUTS * 12);
    for (int64_t input = first; input < end; input += INPUTS) {
        const float *wc = w + input * c->outputs * k * k;
        int64_t here = end - input < INPUTS ? end - input : INPUTS;
        for (int64_t row = c->firstRow; row < c->endRow; row++) {
            int64_t kh0 = row >= c->rows ? row - c->rows + 1 : 0, kh1 = row < k - 1 ? row : k - 1;
            for (int64_t column = 0; column < c->width; column += 8)
                for (int round = 0; round < ROUNDS; round++) {
                    V a[INPUTS][12];
                    UNROLL for (int i = 0; i < INPUTS; i++) UNROLL for (int j = 0; j < 7 + k; j++) a[i][j] = zero();
                    int64_t left = perPiece;
                    for (int64_t o = 0; o < c->outputs; o++) {
                        if (left-- == 0) {
                            SET_ASIDE(INPUTS, 7 + k, o == perPiece);
                            left = perPiece - 1;
                        }
                        for (int64_t kh = kh0; kh <= kh1; kh++) {
                            const float *d = dy + o * outPlane + (row - kh) * outPitch + column * 16 + round * LANES;
                            const float *wk = wc + ((o * k + kh) * k) * INPUTS;
                            UNROLL for (int j = 0; j < 8; j++) {
                                V v = load(d + j * 16);
                                UNROLL for (int kw = 0; kw < k; kw++)
                                    UNROLL for (int i = 0; i < INPUTS; i++) a[i][j + kw] += v * wk[kw * INPUTS + i];
                            }
                        }
                    }
                    TAKE_BACK(INPUTS, 7 + k, c->outputs > perPiece);
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

#undef ASIDE
#undef SET_ASIDE
#undef TAKE_BACK

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

#if LANES == 16
// Four 4x4 transposes side by side: each quarter of the results holds a column of the quarters of a, b, c and d.
INLINE void TARGET(transpose_quarters)(V *a, V *b, V *c, V *d) {
#define QUARTERS(i, j, k, l) \
    i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, i + 12, j + 12, k + 12, l + 12
    V ab = __builtin_shufflevector(*a, *b, QUARTERS(0, 16, 1, 17));
    V ab2 = __builtin_shufflevector(*a, *b, QUARTERS(2, 18, 3, 19));
    V cd = __builtin_shufflevector(*c, *d, QUARTERS(0, 16, 1, 17));
    V cd2 = __builtin_shufflevector(*c, *d, QUARTERS(2, 18, 3, 19));
    *a = __builtin_shufflevector(ab, cd, QUARTERS(0, 1, 16, 17));
    *b = __builtin_shufflevector(ab, cd, QUARTERS(2, 3, 18, 19));
    *c = __builtin_shufflevector(ab2, cd2, QUARTERS(0, 1, 16, 17));
    *d = __builtin_shufflevector(ab2, cd2, QUARTERS(2, 3, 18, 19));
#undef QUARTERS
}

// v becomes its transpose. A row is read and written whole, which counts: the rows of 16 planes lie a power of two apart,
// on the same lines of the cache, and would have been gone before the next four of their numbers were read.
INLINE void TARGET(transpose16)(V v[16]) {
    UNROLL for (int i = 0; i < 16; i += 4) TARGET(transpose_quarters)(v + i, v + i + 1, v + i + 2, v + i + 3);
    // Now quarter q of v[4 * i + j] is the part of column 4 * q + j in rows 4 * i to 4 * i + 3.
    V t[16];
    UNROLL for (int j = 0; j < 4; j++) {
        V a = v[j], b = v[4 + j], c = v[8 + j], d = v[12 + j];
        V low = __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
        V low2 = __builtin_shufflevector(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
        V high = __builtin_shufflevector(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
        V high2 = __builtin_shufflevector(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
        t[j] = __builtin_shufflevector(low, low2, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        t[4 + j] = __builtin_shufflevector(low, low2, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        t[8 + j] = __builtin_shufflevector(high, high2, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        t[12 + j] = __builtin_shufflevector(high, high2, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
    UNROLL for (int i = 0; i < 16; i++) v[i] = t[i];
}

// 8 columns of 16 rows: rows i and i + 8 side by side.
INLINE void TARGET(transpose16x8)(V v[8]) {
    TARGET(transpose_quarters)(v, v + 1, v + 2, v + 3);
    TARGET(transpose_quarters)(v + 4, v + 5, v + 6, v + 7);
    V t[8];
    UNROLL for (int j = 0; j < 4; j++) {
        t[j] = __builtin_shufflevector(
            v[j], v[4 + j], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
        t[4 + j] = __builtin_shufflevector(
            v[j], v[4 + j], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
    }
    UNROLL for (int i = 0; i < 8; i++) v[i] = t[i];
}

// `columns` pixels, at most 16, of `count` planes to to[columns][16], with zeros for the planes that are missing.
INLINE void TARGET(pack16)(const float *from, int64_t stride, int64_t count, int64_t columns, float *to) {
    V v[16];
    UNROLL for (int n = 0; n < 16; n++) v[n] = n < count ? some(from + n * stride, columns) : zero();
    TARGET(transpose16)(v);
    UNROLL for (int n = 0; n < 16; n++) if (n < columns) store(to + n * 16, v[n]);
}
// The same for at most 8.
INLINE void TARGET(pack8)(const float *from, int64_t stride, int64_t count, int64_t columns, float *to) {
    V v[8];
    const __mmask8 mask = (1u << columns) - 1;
    UNROLL for (int n = 0; n < 8; n++) {
        __m256 low = _mm256_maskz_loadu_ps(n < count ? mask : 0, from + n * stride);
        __m256 high = _mm256_maskz_loadu_ps(n + 8 < count ? mask : 0, from + (n + 8) * stride);
        v[n] = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
    }
    TARGET(transpose16x8)(v);
    UNROLL for (int n = 0; n < 8; n++) if (n < columns) store(to + n * 16, v[n]);
}
INLINE void TARGET(unpack16)(const float *from, float *to, int64_t stride, int64_t count, int64_t columns) {
    V v[16];
    UNROLL for (int n = 0; n < 16; n++) v[n] = n < columns ? load(from + n * 16) : zero();
    TARGET(transpose16)(v);
    UNROLL for (int n = 0; n < 16; n++) if (n < count) store_some(to + n * stride, v[n], columns);
}
#endif

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
#if LANES == 16
        if (count == 16) for (; x + 16 <= width; x += 16) TARGET(pack16)(from + x, stride, 16, 16, to + x * 16);
        for (; width - x > 8; x += 16) TARGET(pack16)(from + x, stride, count, width - x, to + x * 16);
        if (x < width) TARGET(pack8)(from + x, stride, count, width - x, to + x * 16);
#else
        if (count == 16) {
            for (; x + 4 <= width; x += 4)
                UNROLL for (int n = 0; n < 16; n += 4)
                    TARGET(transpose4)(from + n * stride + x, stride, to + x * 16 + n, 16);
        }
        for (; x < width; x++)
            for (int n = 0; n < 16; n++) to[x * 16 + n] = n < count ? from[n * stride + x] : 0;
#endif
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
#if LANES == 16
        if (count == 16) for (; x + 16 <= width; x += 16) TARGET(unpack16)(from + x * 16, to + x, stride, 16, 16);
        for (; x < width; x += 16) TARGET(unpack16)(from + x * 16, to + x, stride, count, width - x);
#else
        if (count == 16) {
            for (; x + 4 <= width; x += 4)
                UNROLL for (int n = 0; n < 16; n += 4)
                    TARGET(transpose4)(from + x * 16 + n, 16, to + n * stride + x, stride);
        }
        for (; x < width; x++)
            for (int n = 0; n < count; n++) to[n * stride + x] = from[x * 16 + n];
#endif
    }
}
