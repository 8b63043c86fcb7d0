// Products of matrices. Included by Kernels.h; the plain version is `multiplyPlainly` in CPU/MatrixProduct.swift.

// c[rows][vectors * LANES] (+)= a[rows][inner] * b[inner][vectors * LANES], the sums in registers.
INLINE void TARGET(product_tile)(
    const float *a, int64_t aRow, int64_t aStep, const float *b, int64_t bRow, float *c, int64_t cRow, int64_t inner,
    int accumulate, int rows, int vectors
) {
    V sum[6][COLUMNS];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = zero();
    for (int64_t k = 0; k < inner; k++) {
        V bk[COLUMNS];
        UNROLL for (int j = 0; j < vectors; j++) bk[j] = (V)*(const U *)(b + k * bRow + j * LANES);
        UNROLL for (int i = 0; i < rows; i++) {
            float ak = a[i * aRow + k * aStep];
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] += ak * bk[j];
        }
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) {
            U *to = (U *)(c + i * cRow + j * LANES);
            *to = (U)(accumulate ? (V)*to + sum[i][j] : sum[i][j]);
        }
}

INLINE void TARGET(product_rows)(
    const float *a, int64_t aRow, int64_t aStep, const float *b, int64_t bRow, float *c, int64_t cRow, int64_t rows,
    int64_t inner, int accumulate, int vectors
) {
    int64_t row = 0;
#define TILE(count) \
    TARGET(product_tile)(a + row * aRow, aRow, aStep, b, bRow, c + row * cRow, cRow, inner, accumulate, count, vectors)
    for (; row + 6 <= rows; row += 6) TILE(6);
    switch (rows - row) {
    case 5: TILE(5); break;
    case 4: TILE(4); break;
    case 3: TILE(3); break;
    case 2: TILE(2); break;
    case 1: TILE(1); break;
    default: break;
    }
#undef TILE
}

// So many columns, at most COLUMNS * LANES and a multiple of LANES.
static void TARGET(product_columns)(
    const float *a, int64_t aRow, int64_t aStep, const float *b, int64_t bRow, float *c, int64_t cRow, int64_t rows,
    int64_t inner, int accumulate, int64_t columns
) {
    switch (columns / LANES) {
    case 1: TARGET(product_rows)(a, aRow, aStep, b, bRow, c, cRow, rows, inner, accumulate, 1); break;
    case 2: TARGET(product_rows)(a, aRow, aStep, b, bRow, c, cRow, rows, inner, accumulate, 2); break;
#if COLUMNS == 4
    case 3: TARGET(product_rows)(a, aRow, aStep, b, bRow, c, cRow, rows, inner, accumulate, 3); break;
    case 4: TARGET(product_rows)(a, aRow, aStep, b, bRow, c, cRow, rows, inner, accumulate, 4); break;
#endif
    default: break;
    }
}

// A panel of `b`, some 64 rows of at most 64 columns, is read again for every six rows of `a`: from the nearest cache.
static void TARGET(multiply)(
    const float *a, int64_t aRow, int64_t aStep, const float *b, int64_t bRow, float *c, int64_t cRow, int64_t rows,
    int64_t columns, int64_t inner, int accumulate
) {
    if (inner == 1 && !accumulate) {
        // What a batch of one gives weights for a gradient: written row by row, as memory likes it.
        for (int64_t row = 0; row < rows; row++) {
            V factor = zero() + a[row * aRow];
            for (int64_t j = 0; j < columns; j += LANES)
                store_some(c + row * cRow + j, factor * some(b + j, columns - j), columns - j);
        }
        return;
    }
    const int64_t pieces = TARGET(pieces)(inner), depth = (inner + pieces - 1) / pieces;
    int64_t column = 0;
    while (columns - column >= LANES) {
        int64_t width = columns - column < COLUMNS * LANES ? (columns - column) / LANES * LANES : COLUMNS * LANES;
        for (int64_t k = 0; k < inner; k += depth)
            TARGET(product_columns)(
                a + k * aStep, aRow, aStep, b + k * bRow + column, bRow, c + column, cRow, rows,
                inner - k < depth ? inner - k : depth, accumulate || k > 0, width);
        column += width;
    }
    if (column == columns) return;
    // What is left of the columns, in memory as wide as one vector.
    const int64_t rest = columns - column;
    float *panel = kernels_scratch(6, (depth + rows) * LANES), *out = panel + depth * LANES;
    for (int64_t k = 0; k < inner; k += depth) {
        const int64_t here = inner - k < depth ? inner - k : depth;
        for (int64_t i = 0; i < here; i++) store(panel + i * LANES, some(b + (k + i) * bRow + column, rest));
        TARGET(product_columns)(a + k * aStep, aRow, aStep, panel, LANES, out, LANES, rows, here, k > 0, LANES);
    }
    for (int64_t i = 0; i < rows; i++) {
        float *to = c + i * cRow + column;
        V v = load(out + i * LANES);
        store_some(to, accumulate ? some(to, rest) + v : v, rest);
    }
}

// y[outputs] = w[outputs][inner] · x + bias, for one row x: each row of w is read once, four at a time.
static void TARGET(multiply_vector)(
    const float *w, int64_t wRow, int64_t outputs, int64_t inner, const float *x, const float *bias, float *y
) {
    for (int64_t o = 0; o < outputs; o += 4) {
        // Where fewer than four are left the last one is computed again.
        const float *row[4];
        V sum[4][2];
        UNROLL for (int i = 0; i < 4; i++) {
            row[i] = w + (o + i < outputs ? o + i : outputs - 1) * wRow;
            sum[i][0] = sum[i][1] = zero();
        }
        int64_t k = 0;
        for (; k + 2 * LANES <= inner; k += 2 * LANES)
            UNROLL for (int j = 0; j < 2; j++) {
                V v = (V)*(const U *)(x + k + j * LANES);
                UNROLL for (int i = 0; i < 4; i++) sum[i][j] += v * (V)*(const U *)(row[i] + k + j * LANES);
            }
        for (; k < inner; k += LANES) {
            V v = some(x + k, inner - k);
            UNROLL for (int i = 0; i < 4; i++) sum[i][0] += v * some(row[i] + k, inner - k);
        }
        for (int i = 0; i < 4 && o + i < outputs; i++)
            y[o + i] = TARGET(total)(sum[i][0] + sum[i][1]) + (bias ? bias[o + i] : 0);
    }
}

static void TARGET(transpose)(const float *from, int64_t rows, int64_t columns, int64_t fromRow, float *to, int64_t toRow) {
    int64_t row = 0;
#if LANES == 16
    // 16x16 at a time, with masks at the ends.
    if (columns >= 8)
        for (; rows - row >= 8; row += 16)
            for (int64_t column = 0; column < columns; column += 16) {
                V v[16];
                UNROLL for (int i = 0; i < 16; i++)
                    v[i] = row + i < rows ? some(from + (row + i) * fromRow + column, columns - column) : zero();
                TARGET(transpose16)(v);
                UNROLL for (int i = 0; i < 16; i++)
                    if (column + i < columns) store_some(to + (column + i) * toRow + row, v[i], rows - row);
            }
#endif
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
