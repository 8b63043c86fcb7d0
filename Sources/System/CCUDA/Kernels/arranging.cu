// Elements moved and not changed: permuted axes, slices, concatenation, repetition, reversal. By the size of an
// element.

// y[right] = x[left] for each position of a plan: one kernel for everything that is a matter of strides, negative ones
// too.
#define COPIED(bits, T) \
    KERNEL copied_##bits(const T *x, T *y, Index count, const LabBroadcast plan) { \
        EACH(i, count) { \
            Index from, to; \
            locate(plan, i, from, to); \
            y[to] = x[from]; \
        } \
    }
COPIED(8, Byte)
COPIED(16, unsigned short)
COPIED(32, Word)
COPIED(64, Long)

// y [batch, columns, rows] = x [batch, rows, columns], in tiles of 32 by 32, so that both reading and writing run along
// memory. A row of the tile has 33 elements: without that, a column of it would lie in a single bank.
#define TRANSPOSED(bits, T) \
    KERNEL transposed_##bits(const T *x, T *y, Index batch, Index rows, Index columns) { \
        __shared__ T tile[32][33]; \
        const Index across = (columns + 31) / 32, down = (rows + 31) / 32; \
        const int lane = threadIdx.x % 32, line = threadIdx.x / 32; \
        EACH_ROW(number, batch * down * across) { \
            const Index left = number % across * 32, top = number / across % down * 32; \
            const Index base = number / across / down * rows * columns; \
            for (int k = line; k < 32; k += BLOCK / 32) { \
                if (top + k < rows && left + lane < columns) \
                    tile[k][lane] = x[base + (top + k) * columns + left + lane]; \
            } \
            __syncthreads(); \
            for (int k = line; k < 32; k += BLOCK / 32) { \
                if (left + k < columns && top + lane < rows) y[base + (left + k) * rows + top + lane] = tile[lane][k]; \
            } \
            __syncthreads(); \
        } \
    }
TRANSPOSED(32, Word)
TRANSPOSED(64, Long)

#define FILLED(type, T) \
    KERNEL filled_##type(T *y, Index count, double value) { EACH(i, count) y[i] = (T)value; }
FILLED(float32, float)
FILLED(float64, double)
FILLED(int32, int)
FILLED(uint8, Byte)

// 0, 1, 2, …
KERNEL range_float64(double *y, Index count) { EACH(i, count) y[i] = (double)i; }
