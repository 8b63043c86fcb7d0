// Pooling and its way back, as in Pooling.swift. Gradients are gathered and not scattered: each input looks at the
// windows that it lies in, so windows may overlap without atomics.

/// Where the windows lie along one axis of the images.
struct Windows {
    int size, count, window, stride, padding, isAdaptive;
    /// The positions in a window: first ..< end.
    __device__ __forceinline__ int first(int number) const {
        const int start = isAdaptive ? (int)((Index)number * size / count) : number * stride - padding;
        return start > 0 ? start : 0;
    }
    __device__ __forceinline__ int end(int number) const {
        const int after =
            isAdaptive ? (int)(((Index)(number + 1) * size + count - 1) / count) : number * stride - padding + window;
        return after < size ? after : size;
    }
    /// The windows that a position lies in: firstOver ..< endOver.
    __device__ __forceinline__ int firstOver(int at) const {
        if (isAdaptive) return (int)((Index)at * count / size);
        const int padded = at + padding;
        return padded < window ? 0 : (padded - window) / stride + 1;
    }
    __device__ __forceinline__ int endOver(int at) const {
        const int after = isAdaptive ? (int)(((Index)(at + 1) * count + size - 1) / size) : (at + padding) / stride + 1;
        return after < count ? after : count;
    }
};
__device__ __forceinline__ Windows rows_of(const LabPooling &s) {
    const Windows rows = {s.height, s.outputHeight, s.windowHeight, s.strideHeight, s.paddingHeight, s.isAdaptive};
    return rows;
}
__device__ __forceinline__ Windows columns_of(const LabPooling &s) {
    const Windows columns = {s.width, s.outputWidth, s.windowWidth, s.strideWidth, s.paddingWidth, s.isAdaptive};
    return columns;
}

// y, positions [planes, outputHeight, outputWidth]; positions count within a plane. NaN is kept, so that it is noticed.
template <class T> __device__ void pick_largest(const T *x, T *y, int *positions, const LabPooling &s) {
    const Windows rows = rows_of(s), columns = columns_of(s);
    const Index plane = (Index)s.outputHeight * s.outputWidth;
    EACH(i, s.planes * plane) {
        const T *from = x + i / plane * s.height * s.width;
        const int row = (int)(i % plane) / s.outputWidth, column = (int)(i % plane) % s.outputWidth;
        const int top = rows.first(row), bottom = rows.end(row), left = columns.first(column),
                  right = columns.end(column);
        int best = top * s.width + left;
        T largest = from[best];
        for (int v = top; v < bottom; v++) {
            for (int u = left; u < right; u++) {
                const T value = from[v * s.width + u];
                if (value > largest || value != value) {
                    largest = value;
                    best = v * s.width + u;
                }
            }
        }
        y[i] = largest;
        positions[i] = best;
    }
}
template <class T> __device__ void place(const T *dy, const int *positions, T *dx, const LabPooling &s) {
    const Windows rows = rows_of(s), columns = columns_of(s);
    const Index plane = (Index)s.height * s.width;
    EACH(i, s.planes * plane) {
        const int at = (int)(i % plane);
        const Index base = i / plane * s.outputHeight * s.outputWidth;
        const int firstRow = rows.firstOver(at / s.width), endRow = rows.endOver(at / s.width);
        const int firstColumn = columns.firstOver(at % s.width), endColumn = columns.endOver(at % s.width);
        T sum = 0;
        for (int row = firstRow; row < endRow; row++) {
            for (int column = firstColumn; column < endColumn; column++) {
                const Index window = base + row * s.outputWidth + column;
                if (positions[window] == at) sum += dy[window];
            }
        }
        dx[i] = sum;
    }
}
template <class T> __device__ void average(const T *x, T *y, const LabPooling &s) {
    const Windows rows = rows_of(s), columns = columns_of(s);
    const Index plane = (Index)s.outputHeight * s.outputWidth;
    const T share = 1 / (T)(s.windowHeight * s.windowWidth);
    EACH(i, s.planes * plane) {
        const T *from = x + i / plane * s.height * s.width;
        const int row = (int)(i % plane) / s.outputWidth, column = (int)(i % plane) % s.outputWidth;
        T sum = 0;
        for (int v = rows.first(row); v < rows.end(row); v++) {
            for (int u = columns.first(column); u < columns.end(column); u++) sum += from[v * s.width + u] * share;
        }
        y[i] = sum;
    }
}
template <class T> __device__ void spread(const T *dy, T *dx, const LabPooling &s) {
    const Windows rows = rows_of(s), columns = columns_of(s);
    const Index plane = (Index)s.height * s.width;
    const T share = 1 / (T)(s.windowHeight * s.windowWidth);
    EACH(i, s.planes * plane) {
        const int at = (int)(i % plane);
        const Index base = i / plane * s.outputHeight * s.outputWidth;
        const int firstRow = rows.firstOver(at / s.width), endRow = rows.endOver(at / s.width);
        const int firstColumn = columns.firstOver(at % s.width), endColumn = columns.endOver(at % s.width);
        T sum = 0;
        for (int row = firstRow; row < endRow; row++) {
            for (int column = firstColumn; column < endColumn; column++)
                sum += dy[base + row * s.outputWidth + column] * share;
        }
        dx[i] = sum;
    }
}
#define POOLING(type, T) \
    KERNEL max_pool_##type(const T *x, T *y, int *positions, const LabPooling s) { pick_largest(x, y, positions, s); } \
    KERNEL max_pool_back_##type(const T *dy, const int *positions, T *dx, const LabPooling s) { \
        place(dy, positions, dx, s); \
    } \
    KERNEL pool_taken_##type(const T *x, const int *positions, T *y, const LabPooling s) { \
        const Index plane = (Index)s.outputHeight * s.outputWidth; \
        EACH(i, s.planes * plane) y[i] = x[i / plane * s.height * s.width + positions[i]]; \
    } \
    KERNEL average_pool_##type(const T *x, T *y, const LabPooling s) { average(x, y, s); } \
    KERNEL average_pool_back_##type(const T *dy, T *dx, const LabPooling s) { spread(dy, dx, s); }
POOLING(float32, float)
POOLING(float64, double)
