// Maximum pooling with windows of any size and stride, LANES windows of a row at a time. 2x2 squares have kernels of their
// own in Normalization.h. Included by Kernels.h; the plain version is `pickLargest` in Pooling.swift.

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
