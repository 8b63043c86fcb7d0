// softmax, its logarithm, and the cross entropy with its gradient, as in Activations.swift and CrossEntropy.swift.

// x, y [outer, size, inner], a thread for each sum: for short axes, and where there are sums for all threads.
template <class T>
__device__ void softmax_by_thread(const T *x, T *y, Index outer, Index size, Index inner, int isLogarithm) {
    EACH(i, outer * inner) {
        const Index base = i / inner * size * inner + i % inner;
        T largest = lowest<T>();
        for (Index k = 0; k < size; k++) {
            const T value = x[base + k * inner];
            if (value >= largest) largest = value;
        }
        T sum = 0;
        for (Index k = 0; k < size; k++) sum += exponential(x[base + k * inner] - largest);
        const T shift = largest + logarithm(sum), scale = 1 / sum;
        for (Index k = 0; k < size; k++) {
            const T value = x[base + k * inner];
            y[base + k * inner] = isLogarithm ? value - shift : exponential(value - largest) * scale;
        }
    }
}
// x, y [outer, size, inner], a block for each sum.
template <class T>
__device__ void softmax_by_block(const T *x, T *y, Index outer, Index size, Index inner, int isLogarithm) {
    EACH_ROW(row, outer * inner) {
        const Index base = row / inner * size * inner + row % inner;
        const T *from = x + base;
        T *to = y + base;
        T largest = lowest<T>();
        for (Index k = threadIdx.x; k < size; k += BLOCK) {
            const T value = from[k * inner];
            if (value >= largest) largest = value;
        }
        largest = block_largest(largest);
        T sum = 0;
        for (Index k = threadIdx.x; k < size; k += BLOCK) sum += exponential(from[k * inner] - largest);
        sum = block_sum(sum);
        const T shift = largest + logarithm(sum), scale = 1 / sum;
        for (Index k = threadIdx.x; k < size; k += BLOCK) {
            const T value = from[k * inner];
            to[k * inner] = isLogarithm ? value - shift : exponential(value - largest) * scale;
        }
    }
}
#define SOFTMAX(type, T) \
    KERNEL softmax_##type(const T *x, T *y, Index outer, Index size, Index inner, int isLogarithm) { \
        softmax_by_thread(x, y, outer, size, inner, isLogarithm); \
    } \
    KERNEL softmax_blocks_##type(const T *x, T *y, Index outer, Index size, Index inner, int isLogarithm) { \
        softmax_by_block(x, y, outer, size, inner, isLogarithm); \
    }
SOFTMAX(float32, float)
SOFTMAX(float64, double)

// logits [batch, classes], labels [batch]: losses [batch] = -log p(label), slope [batch, classes] = (p - 1 at the
// label) / batch. A label that is no class leaves its row at NaN, and the first such row in `wrong`, which starts as
// the largest int.
template <class T> __device__ void
cross_entropy(const T *logits, const int *labels, double *losses, T *slope, int *wrong, Index batch, Index classes) {
    EACH(row, batch) {
        const T *from = logits + row * classes;
        T *to = slope + row * classes;
        const int label = labels[row];
        const bool isClass = label >= 0 && label < classes;
        if (!isClass) atomicMin(wrong, (int)row);
        T largest = from[0];
        for (Index k = 1; k < classes; k++) {
            if (from[k] >= largest) largest = from[k];
        }
        T sum = 0;
        for (Index k = 0; k < classes; k++) {
            to[k] = exponential(from[k] - largest);
            sum += to[k];
        }
        const T scale = 1 / (sum * (T)batch);
        for (Index k = 0; k < classes; k++) to[k] *= scale;
        const T missing = lowest<T>() - lowest<T>();
        if (isClass) to[label] -= 1 / (T)batch;
        else to[0] = missing;
        losses[row] = isClass ? log((double)sum) - (double)(from[label] - largest) : (double)missing;
    }
}
#define CROSS_ENTROPY(type, T) \
    KERNEL cross_entropy_##type( \
        const T *logits, const int *labels, double *losses, T *slope, int *wrong, Index batch, Index classes \
    ) { \
        cross_entropy(logits, labels, losses, slope, wrong, batch, classes); \
    } \
    KERNEL mean_loss_##type(const double *losses, T *mean, Index batch) { \
        const double total = block_sum(run_of(losses, batch)); \
        if (blockIdx.x == 0 && threadIdx.x == 0) mean[0] = (T)(total / (double)batch); \
    }
__device__ double run_of(const double *x, Index count) {
    double sum = 0;
    for (Index i = threadIdx.x; i < count; i += BLOCK) sum += x[i];
    return sum;
}
CROSS_ENTROPY(float32, float)
CROSS_ENTROPY(float64, double)

// Adds to totals [3] the sum of the losses, how many of the rows were recognised, and how many there were. One block:
// the metrics of an epoch stay on the device until somebody looks.
KERNEL
add_metrics(const float *logits, const int *labels, const double *losses, double *totals, Index batch, Index classes) {
    double hits = 0;
    for (Index row = threadIdx.x; row < batch; row += BLOCK) {
        Index best = 0;
        for (Index k = 1; k < classes; k++) {
            if (logits[row * classes + k] > logits[row * classes + best]) best = k;
        }
        if (best == labels[row]) hits += 1;
    }
    hits = block_sum(hits);
    const double loss = block_sum(run_of(losses, batch));
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        totals[0] += loss;
        totals[1] += hits;
        totals[2] += (double)batch;
    }
}
