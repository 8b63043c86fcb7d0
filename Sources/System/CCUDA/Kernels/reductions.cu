// Sums, extremes and positions along an axis, as in Reductions.swift. x [outer, size, inner]. No atomics: each sum has
// one order, which the sizes alone decide.

// y [outer, pieces, inner]: piece k sums elements k * piece ..< (k + 1) * piece of the axis, so a long axis is reduced
// in two or three launches. `rows` is for inner = 1, a block for each sum; `columns` for the rest, a thread for each.
// Float sums are kept in short runs and those in a double, so rounding errors do not grow with the length.
template <class T> __device__ __forceinline__ double run_sum(const T *x, Index from, Index to, Index step) {
    double total = 0;
    while (from < to) {
        T part = 0;
        for (int k = 0; k < 32 && from < to; k++, from += step) part += x[from];
        total += part;
    }
    return total;
}
template <class T> __device__ void sum_of_rows(const T *x, T *y, Index outer, Index size, Index piece) {
    const Index pieces = (size + piece - 1) / piece;
    EACH_ROW(row, outer * pieces) {
        const Index start = row % pieces * piece, end = start + piece < size ? start + piece : size;
        const Index base = row / pieces * size;
        const double total = block_sum(run_sum(x, base + start + threadIdx.x, base + end, (Index)BLOCK));
        if (threadIdx.x == 0) y[row] = (T)total;
    }
}
template <class T> __device__ void sum_of_columns(const T *x, T *y, Index outer, Index size, Index inner, Index piece) {
    const Index pieces = (size + piece - 1) / piece;
    EACH(i, outer * pieces * inner) {
        const Index column = i % inner, part = i / inner % pieces, base = i / inner / pieces * size * inner + column;
        const Index start = part * piece, end = start + piece < size ? start + piece : size;
        y[i] = (T)run_sum(x, base + start * inner, base + end * inner, inner);
    }
}
KERNEL sum_rows_float32(const float *x, float *y, Index outer, Index size, Index piece) {
    sum_of_rows(x, y, outer, size, piece);
}
KERNEL sum_rows_float64(const double *x, double *y, Index outer, Index size, Index piece) {
    sum_of_rows(x, y, outer, size, piece);
}
KERNEL sum_columns_float32(const float *x, float *y, Index outer, Index size, Index inner, Index piece) {
    sum_of_columns(x, y, outer, size, inner, piece);
}
KERNEL sum_columns_float64(const double *x, double *y, Index outer, Index size, Index inner, Index piece) {
    sum_of_columns(x, y, outer, size, inner, piece);
}

// y [outer, pieces, inner]: the extremes of the pieces; NaN where there is one.
#define EXTREME(name, type, T, isBetter) \
    KERNEL name##_##type(const T *x, T *y, Index outer, Index size, Index inner, Index piece) { \
        const Index pieces = (size + piece - 1) / piece; \
        EACH(i, outer * pieces * inner) { \
            const Index column = i % inner, part = i / inner % pieces, \
                        base = i / inner / pieces * size * inner + column; \
            const Index start = part * piece, end = start + piece < size ? start + piece : size; \
            T best = x[base + start * inner]; \
            for (Index k = start + 1; k < end; k++) { \
                const T candidate = x[base + k * inner]; \
                if (!(best isBetter candidate || best != best)) best = candidate; \
            } \
            y[i] = best; \
        } \
    }
EXTREME(largest, float32, float, >)
EXTREME(largest, float64, double, >)
EXTREME(smallest, float32, float, <)
EXTREME(smallest, float64, double, <)

// y [outer, inner]: the position of the best element, the first of equal ones. NaN is the best. A thread looks for each,
// or, under the name with `_blocks`, a block: its threads take every BLOCK-th element, and of the leaders of any two
// threads the better one stays, or of equal ones the first.
#define POSITION(name, type, T, isBetter) \
    KERNEL name##_blocks_##type(const T *x, int *y, Index outer, Index size, Index inner) { \
        __shared__ T leaders[BLOCK]; \
        __shared__ int places[BLOCK]; \
        EACH_ROW(row, outer * inner) { \
            const Index base = row / inner * size * inner + row % inner; \
            /* A thread without an element of its own has the first one, which changes nothing. */ \
            Index best = threadIdx.x < size ? threadIdx.x : 0; \
            T leader = x[base + best * inner]; \
            for (Index k = best + BLOCK; k < size; k += BLOCK) { \
                const T candidate = x[base + k * inner]; \
                if (candidate isBetter leader || (candidate != candidate && leader == leader)) { \
                    best = k; \
                    leader = candidate; \
                } \
            } \
            leaders[threadIdx.x] = leader; \
            places[threadIdx.x] = (int)best; \
            __syncthreads(); \
            for (int half = BLOCK / 2; half > 0; half /= 2) { \
                if (threadIdx.x < half) { \
                    const T mine = leaders[threadIdx.x], other = leaders[threadIdx.x + half]; \
                    const int place = places[threadIdx.x + half]; \
                    const bool isMissing = mine != mine, isOtherMissing = other != other; \
                    const bool isEqual = mine == other || (isMissing && isOtherMissing); \
                    if (isEqual ? place < places[threadIdx.x] \
                                : !isMissing && (isOtherMissing || other isBetter mine)) { \
                        leaders[threadIdx.x] = other; \
                        places[threadIdx.x] = place; \
                    } \
                } \
                __syncthreads(); \
            } \
            if (threadIdx.x == 0) y[row] = places[0]; \
            __syncthreads(); \
        } \
    } \
    KERNEL name##_##type(const T *x, int *y, Index outer, Index size, Index inner) { \
        EACH(i, outer * inner) { \
            const Index base = i / inner * size * inner + i % inner; \
            Index best = 0; \
            for (Index k = 1; k < size; k++) { \
                const T candidate = x[base + k * inner], leader = x[base + best * inner]; \
                if (candidate isBetter leader || (candidate != candidate && leader == leader)) best = k; \
            } \
            y[i] = (int)best; \
        } \
    }
POSITION(argmax, float32, float, >)
POSITION(argmax, float64, double, >)
POSITION(argmin, float32, float, <)
POSITION(argmin, float64, double, <)

// The sums up to each element.
#define CUMULATIVE(type, T) \
    KERNEL cumulative_sum_##type(const T *x, T *y, Index outer, Index size, Index inner) { \
        EACH(i, outer * inner) { \
            const Index base = i / inner * size * inner + i % inner; \
            T sum = 0; \
            for (Index k = 0; k < size; k++) { \
                sum += x[base + k * inner]; \
                y[base + k * inner] = sum; \
            } \
        } \
    }
CUMULATIVE(float32, float)
CUMULATIVE(float64, double)
