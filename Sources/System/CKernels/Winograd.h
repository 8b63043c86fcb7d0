// Convolutions with 3x3 filters and stride 1 by Winograd's F(2x2, 3x3) (Lavin and Gray, 2015): squares of 4x4 inputs, each
// two further than the last, become squares of 2x2 outputs with 16 products a pair of channels, where the definition takes
// 36. In between lie products of matrices, one for each of the 16 places. Channels lie side by side, 16 at a time, so all
// steps here are on whole vectors. Included by Kernels.h; the plain version is CPU/PlainConvolution.swift.
//
//     y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A        dg = Gᵀ [(A dy Aᵀ) ∘ (Bᵀ d B)] G
//
//          1  0 -1  0           1  0  0
//     Bᵀ = 0  1  1  0       G = ½  ½  ½       Aᵀ = 1  1  1  0
//          0 -1  1  0           ½ -½  ½            0  1 -1 -1
//          0  1  0 -1           0  0  1
//
// All factors are 0, ±1 or ±½, and the sums are a ninth as long as those of the definition: the rounding error is no larger
// than that of the plain sum (the tests hold it to 4·ε·Σ|ab| too).

// Bᵀ d for one column of four.
#define WINOGRAD_IN(to, d0, d1, d2, d3) to[0] = d0 - d2, to[1] = d1 + d2, to[2] = d2 - d1, to[3] = d1 - d3

// x[2 * rows + 2][pitch][16] → v[16][tiles][…]: 16 channels of each tile at v + place * vPlane + tile * vTile.
static void TARGET(winograd_input)(
    const float *x, int64_t pitch, int64_t rows, int64_t columns, float *v, int64_t vTile, int64_t vPlane
) {
    for (int64_t row = 0; row < rows; row++)
        for (int round = 0; round < ROUNDS; round++) {
            const float *from = x + 2 * row * pitch * 16 + round * LANES;
            float *to = v + row * columns * vTile + round * LANES;
            V c[4][4];
#define COLUMN(c, p) \
    WINOGRAD_IN(c, load(p), load((p) + pitch * 16), load((p) + 2 * pitch * 16), load((p) + 3 * pitch * 16))
            COLUMN(c[0], from);
            COLUMN(c[1], from + 16);
            for (int64_t column = 0; column < columns; column++) {
                COLUMN(c[2], from + (2 * column + 2) * 16);
                COLUMN(c[3], from + (2 * column + 3) * 16);
                UNROLL for (int i = 0; i < 4; i++) {
                    V t[4];
                    WINOGRAD_IN(t, c[0][i], c[1][i], c[2][i], c[3][i]);
                    UNROLL for (int j = 0; j < 4; j++) store(to + (4 * i + j) * vPlane, t[j]);
                    c[0][i] = c[2][i];
                    c[1][i] = c[3][i];
                }
                to += vTile;
            }
        }
#undef COLUMN
}

// A dy Aᵀ: dy[2 * rows][pitch][16] → d[16][tiles][…].
static void TARGET(winograd_gradient)(
    const float *dy, int64_t pitch, int64_t rows, int64_t columns, float *d, int64_t dTile, int64_t dPlane
) {
    for (int64_t row = 0; row < rows; row++)
        for (int round = 0; round < ROUNDS; round++) {
            const float *from = dy + 2 * row * pitch * 16 + round * LANES;
            float *to = d + row * columns * dTile + round * LANES;
            for (int64_t column = 0; column < columns; column++) {
                V c[2][4];
                UNROLL for (int j = 0; j < 2; j++) {
                    V y0 = load(from + j * 16), y1 = load(from + (pitch + j) * 16);
                    c[j][0] = y0, c[j][1] = y0 + y1, c[j][2] = y0 - y1, c[j][3] = -y1;
                }
                UNROLL for (int i = 0; i < 4; i++) {
                    store(to + (4 * i) * dPlane, c[0][i]);
                    store(to + (4 * i + 1) * dPlane, c[0][i] + c[1][i]);
                    store(to + (4 * i + 2) * dPlane, c[0][i] - c[1][i]);
                    store(to + (4 * i + 3) * dPlane, -c[1][i]);
                }
                from += 32;
                to += dTile;
            }
        }
}

// Aᵀ m A + bias, where `rectify` not below 0: m[16][tiles][…] → y[2 * rows][pitch][16].
static void TARGET(winograd_output)(
    const float *m, int64_t mTile, int64_t mPlane, const float *bias, int rectify, float *y, int64_t pitch, int64_t rows,
    int64_t columns
) {
    for (int64_t row = 0; row < rows; row++)
        for (int round = 0; round < ROUNDS; round++) {
            const float *from = m + row * columns * mTile + round * LANES;
            float *to = y + 2 * row * pitch * 16 + round * LANES;
            V b = (V)*(const U *)(bias + round * LANES);
            for (int64_t column = 0; column < columns; column++) {
                V s[2][4];
                UNROLL for (int j = 0; j < 4; j++) {
                    V m0 = load(from + j * mPlane), m1 = load(from + (4 + j) * mPlane);
                    V m2 = load(from + (8 + j) * mPlane), m3 = load(from + (12 + j) * mPlane);
                    s[0][j] = m0 + m1 + m2;
                    s[1][j] = m1 - m2 - m3;
                }
                UNROLL for (int i = 0; i < 2; i++) {
                    V y0 = s[i][0] + s[i][1] + s[i][2] + b, y1 = s[i][1] - s[i][2] - s[i][3] + b;
                    store(to + i * pitch * 16, rectify ? rectified(y0) : y0);
                    store(to + (i * pitch + 1) * 16, rectify ? rectified(y1) : y1);
                }
                from += mTile;
                to += 32;
            }
        }
}

// G g Gᵀ of `count` filters side by side, a multiple of 16: number n of weight (i, j) lies at w[(3 * i + j) * wPlace + n].
static void TARGET(winograd_filters)(const float *w, int64_t wPlace, int64_t count, float *u, int64_t uPlane) {
    for (int64_t n = 0; n < count; n += LANES) {
        V c[3][4];
        UNROLL for (int j = 0; j < 3; j++) {
            V g0 = (V)*(const U *)(w + j * wPlace + n), g1 = (V)*(const U *)(w + (3 + j) * wPlace + n);
            V g2 = (V)*(const U *)(w + (6 + j) * wPlace + n), half = 0.5f * (g0 + g2);
            c[j][0] = g0, c[j][1] = half + 0.5f * g1, c[j][2] = half - 0.5f * g1, c[j][3] = g2;
        }
        UNROLL for (int i = 0; i < 4; i++) {
            V half = 0.5f * (c[0][i] + c[2][i]);
            store(u + (4 * i) * uPlane + n, c[0][i]);
            store(u + (4 * i + 1) * uPlane + n, half + 0.5f * c[1][i]);
            store(u + (4 * i + 2) * uPlane + n, half - 0.5f * c[1][i]);
            store(u + (4 * i + 3) * uPlane + n, c[2][i]);
        }
    }
}

// Gᵀ s G, the way back of `winograd_filters`.
static void TARGET(winograd_filter_gradient)(const float *s, int64_t sPlane, int64_t count, float *dw, int64_t dwPlace) {
    for (int64_t n = 0; n < count; n += LANES) {
        V c[4][3];
        UNROLL for (int j = 0; j < 4; j++) {
            V s0 = load(s + j * sPlane + n), s1 = load(s + (4 + j) * sPlane + n);
            V s2 = load(s + (8 + j) * sPlane + n), s3 = load(s + (12 + j) * sPlane + n);
            c[j][0] = s0 + 0.5f * (s1 + s2), c[j][1] = 0.5f * (s1 - s2), c[j][2] = 0.5f * (s1 + s2) + s3;
        }
        UNROLL for (int i = 0; i < 3; i++) {
            V sum = 0.5f * (c[1][i] + c[2][i]);
            store(dw + (3 * i) * dwPlace + n, c[0][i] + sum);
            store(dw + (3 * i + 1) * dwPlace + n, 0.5f * (c[1][i] - c[2][i]));
            store(dw + (3 * i + 2) * dwPlace + n, sum + c[3][i]);
        }
    }
}
#undef WINOGRAD_IN
