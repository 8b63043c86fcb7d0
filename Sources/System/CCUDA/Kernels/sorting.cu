// The positions of the elements of each row in order, equal ones in theirs, as `argsort` in Arranging.swift. Bitonic
// networks: what is compared with what depends on the sizes alone. NaN is the largest.

/// Whether position a comes before b. Positions beyond the row come last.
template <class T> __device__ bool comes_before(const T *row, Index size, int a, int b, int isDescending) {
    if (a >= size || b >= size) return a < b;
    const T x = row[a], y = row[b];
    const bool xIsNaN = x != x, yIsNaN = y != y;
    if (xIsNaN || yIsNaN) return xIsNaN == yIsNaN ? a < b : yIsNaN != (isDescending != 0);
    return x == y ? a < b : isDescending ? x > y : x < y;
}

// positions [rows, padded]: 0, 1, 2, … to begin with; padded is the power of two at or above size.
KERNEL sort_start(int *positions, Index rows, Index padded) { EACH(i, rows * padded) positions[i] = (int)(i % padded); }
// One step of the network: pairs `distance` apart in runs of `run`.
#define SORT_STEP(type, T) \
    KERNEL sort_step_##type( \
        const T *x, int *positions, Index rows, Index size, Index padded, Index run, Index distance, int isDescending \
    ) { \
        EACH(i, rows * (padded / 2)) { \
            const Index row = i / (padded / 2), pair = i % (padded / 2); \
            const Index low = pair / distance * 2 * distance + pair % distance, high = low + distance; \
            int *order = positions + row * padded; \
            const int a = order[low], b = order[high]; \
            const bool isRising = (low & run) == 0; \
            if (comes_before(x + row * size, size, b, a, isDescending) == isRising) { \
                order[low] = b; \
                order[high] = a; \
            } \
        } \
    }
SORT_STEP(float32, float)
SORT_STEP(float64, double)

// The whole network for rows of at most 2,048, a block for each: y [rows, count], the first `count` positions.
#define SORT_ROWS(type, T) \
    KERNEL sort_rows_##type(const T *x, int *y, Index rows, Index size, int padded, Index count, int isDescending) { \
        __shared__ int order[2048]; \
        EACH_ROW(row, rows) { \
            const T *from = x + row * size; \
            for (int i = threadIdx.x; i < padded; i += BLOCK) order[i] = i; \
            __syncthreads(); \
            for (int run = 2; run <= padded; run *= 2) { \
                for (int distance = run / 2; distance > 0; distance /= 2) { \
                    for (int pair = threadIdx.x; pair < padded / 2; pair += BLOCK) { \
                        const int low = pair / distance * 2 * distance + pair % distance, high = low + distance; \
                        const int a = order[low], b = order[high]; \
                        if (comes_before(from, size, b, a, isDescending) == ((low & run) == 0)) { \
                            order[low] = b; \
                            order[high] = a; \
                        } \
                    } \
                    __syncthreads(); \
                } \
            } \
            for (Index i = threadIdx.x; i < count; i += BLOCK) y[row * count + i] = order[i]; \
            __syncthreads(); \
        } \
    }
SORT_ROWS(float32, float)
SORT_ROWS(float64, double)

// y [rows, count] = the first `count` of positions [rows, padded].
KERNEL sort_end(const int *positions, int *y, Index rows, Index padded, Index count) {
    EACH(i, rows * count) y[i] = positions[i / count * padded + i % count];
}
