// Parts at given positions and back, as in Indexing.swift. x [outer, size, inner], y [outer, count, inner].
// A position that does not exist is noted in `wrong`, which starts as the largest int, and nothing is read or written
// there.

#define GATHERED(bits, T) \
    KERNEL gathered_##bits( \
        const T *x, const int *positions, T *y, int *wrong, Index outer, Index size, Index count, Index inner \
    ) { \
        EACH(i, outer * count * inner) { \
            const Index row = i / inner, at = row % count, position = positions[at]; \
            if (position < 0 || position >= size) { \
                atomicMin(wrong, (int)at); \
                y[i] = 0; \
                continue; \
            } \
            y[i] = x[(row / count * size + position) * inner + i % inner]; \
        } \
    }
GATHERED(8, Byte)
GATHERED(16, unsigned short)
GATHERED(32, Word)
GATHERED(64, Long)

// dx [outer, size, inner]: each part of dy [outer, count, inner] added at its position, in the order of the positions.
// What comes to position p are the parts parts[starts[p]] ..< parts[starts[p + 1]]: a thread adds up its element's, so
// no atomics are needed.
#define SCATTERED(type, T) \
    KERNEL scattered_##type( \
        const T *dy, const int *starts, const int *parts, T *dx, Index outer, Index size, Index count, Index inner \
    ) { \
        EACH(i, outer * size * inner) { \
            const Index at = i / inner % size, base = i / inner / size * count; \
            T sum = 0; \
            for (int k = starts[at]; k < starts[at + 1]; k++) sum += dy[(base + parts[k]) * inner + i % inner]; \
            dx[i] = sum; \
        } \
    }
SCATTERED(float32, float)
SCATTERED(float64, double)

// y [rows, count] = x [rows, size] at positions [rows, count].
#define CHOSEN(bits, T) \
    KERNEL chosen_##bits(const T *x, const int *positions, T *y, int *wrong, Index rows, Index size, Index count) { \
        EACH(i, rows * count) { \
            const Index position = positions[i]; \
            if (position < 0 || position >= size) { \
                atomicMin(wrong, (int)i); \
                y[i] = 0; \
                continue; \
            } \
            y[i] = x[i / count * size + position]; \
        } \
    }
CHOSEN(32, Word)
CHOSEN(64, Long)

// y at positions [count], each of which is named once, = x [count].
#define PLACED(bits, T) \
    KERNEL placed_##bits(const T *x, const int *positions, T *y, Index count) { \
        EACH(i, count) y[positions[i]] = x[i]; \
    }
PLACED(8, Byte)
PLACED(16, unsigned short)
PLACED(32, Word)
PLACED(64, Long)

// y [count, classes]: 1 at each label, else 0. A label that is no class is noted in `wrong`.
#define ONE_HOT(type, T) \
    KERNEL one_hot_##type(const int *labels, T *y, int *wrong, Index count, Index classes) { \
        EACH(i, count * classes) { \
            const int label = labels[i / classes]; \
            if (label < 0 || label >= classes) atomicMin(wrong, (int)(i / classes)); \
            y[i] = label == i % classes ? 1 : 0; \
        } \
    }
ONE_HOT(float32, float)
ONE_HOT(float64, double)
