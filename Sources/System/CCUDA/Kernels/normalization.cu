// Mean 0 and variance 1, as in Normalization.swift. x, y [outer, rows, inner]: all elements of a row, wherever they
// lie, share a mean and a variance; a block takes a row.

template <class T> __device__ __forceinline__ Index place_of(Index k, Index row, Index rows, Index inner) {
    return (k / inner * rows + row) * inner + k % inner;
}
template <class T> __device__ void
standardize(const T *x, T *y, T *means, T *variances, Index outer, Index rows, Index inner, double epsilon) {
    const Index count = outer * inner;
    EACH_ROW(row, rows) {
        double total = 0;
        for (Index k = threadIdx.x; k < count; k += BLOCK) total += x[place_of<T>(k, row, rows, inner)];
        const T mean = (T)(block_sum(total) / (double)count);
        double squares = 0;
        for (Index k = threadIdx.x; k < count; k += BLOCK) {
            const T distance = x[place_of<T>(k, row, rows, inner)] - mean;
            squares += (double)distance * distance;
        }
        const double variance = block_sum(squares) / (double)count;
        if (threadIdx.x == 0) {
            means[row] = mean;
            variances[row] = (T)variance;
        }
        const T scale = (T)(1 / sqrt(variance + epsilon));
        for (Index k = threadIdx.x; k < count; k += BLOCK) {
            const Index i = place_of<T>(k, row, rows, inner);
            y[i] = (x[i] - mean) * scale;
        }
    }
}
// dx = (g - Σg / n - y · Σ(g y) / n) / √(variance + epsilon).
template <class T> __device__ void standardize_back(
    const T *dy, const T *y, const T *variances, T *dx, Index outer, Index rows, Index inner, double epsilon
) {
    const Index count = outer * inner;
    EACH_ROW(row, rows) {
        double plain = 0, weighted = 0;
        for (Index k = threadIdx.x; k < count; k += BLOCK) {
            const Index i = place_of<T>(k, row, rows, inner);
            plain += dy[i];
            weighted += (double)dy[i] * y[i];
        }
        const T centre = (T)(block_sum(plain) / (double)count), tilt = (T)(block_sum(weighted) / (double)count);
        const T scale = (T)(1 / sqrt((double)variances[row] + epsilon));
        for (Index k = threadIdx.x; k < count; k += BLOCK) {
            const Index i = place_of<T>(k, row, rows, inner);
            dx[i] = (dy[i] - centre - y[i] * tilt) * scale;
        }
    }
}
#define NORMALIZATION(type, T) \
    KERNEL standardize_##type( \
        const T *x, T *y, T *means, T *variances, Index outer, Index rows, Index inner, double epsilon \
    ) { \
        standardize(x, y, means, variances, outer, rows, inner, epsilon); \
    } \
    KERNEL standardize_back_##type( \
        const T *dy, const T *y, const T *variances, T *dx, Index outer, Index rows, Index inner, double epsilon \
    ) { \
        standardize_back(dy, y, variances, dx, outer, rows, inner, epsilon); \
    }
NORMALIZATION(float32, float)
NORMALIZATION(float64, double)
