// Convolutions by kernels of our own, as in Convolution.swift: three products of matrices whose operands are read where
// the images lie (an "implicit GEMM"), so nothing is unfolded to memory. And the unfolding itself, for cuBLAS.
//
// For each group: forward y[outputs][pixels] = weight[outputs][patch] · columns[patch][pixels]; data gradient
// dx[inputs][pixels] = weight'[inputs][taps] · dy'[taps][pixels]; weights' gradient dw[outputs][patch] =
// dy[outputs][pixels] · columns'[pixels][patch], summed in pieces of the pixels whose number depends on the sizes
// alone.

// A block computes ROWS x COLUMNS elements, a thread 4 x 4 of them, STEP terms of the sums at a time. Few rows, because
// the networks of the labs have few channels: 20 filters fill 62 % of 32 rows and 31 % of 64.
#define STEP 8
#if BLOCK == 256
#define ROWS 32
#define COLUMNS 128
#elif BLOCK == 64
#define ROWS 16
#define COLUMNS 64
#else
#error "convolution: a block has 256 threads, or 64 in the simulation"
#endif

/// One tile of a product whose factors and result are functions: a(row, k), b(k, column), result(row, column, sum).
template <class T, class Factors> __device__ void
multiply_tile(const Factors &factors, Index rows, Index columns, Index first, Index end, Index top, Index left) {
    __shared__ T a[STEP][ROWS + 1];
    __shared__ T b[STEP][COLUMNS];
    const int line = threadIdx.x / (COLUMNS / 4), lane = threadIdx.x % (COLUMNS / 4);
    T sums[4][4];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) sums[i][j] = 0;
    for (Index k = first; k < end; k += STEP) {
        for (int place = threadIdx.x; place < STEP * ROWS; place += BLOCK) {
            const Index row = top + place / STEP, term = k + place % STEP;
            a[place % STEP][place / STEP] = row < rows && term < end ? factors.a(row, term) : (T)0;
        }
        for (int place = threadIdx.x; place < STEP * COLUMNS; place += BLOCK) {
            const Index term = k + place / COLUMNS, column = left + place % COLUMNS;
            b[place / COLUMNS][place % COLUMNS] = term < end && column < columns ? factors.b(term, column) : (T)0;
        }
        __syncthreads();
        for (int term = 0; term < STEP; term++) {
            T some[4], others[4];
            for (int i = 0; i < 4; i++) some[i] = a[term][line * 4 + i];
            // Neighbouring threads read neighbouring columns: no two want different words of a bank.
            for (int j = 0; j < 4; j++) others[j] = b[term][lane + j * (COLUMNS / 4)];
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) sums[i][j] += some[i] * others[j];
        }
        __syncthreads();
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            const Index row = top + line * 4 + i, column = left + lane + j * (COLUMNS / 4);
            if (row < rows && column < columns) factors.result(row, column, sums[i][j]);
        }
    }
}

/// Where term k of a patch and an output pixel meet in the image, or -1 for the padding.
__device__ __forceinline__ Index input_at(const LabConvolution &s, int group, int k, int pixel) {
    const int taps = s.kernelHeight * s.kernelWidth, plane = s.outputHeight * s.outputWidth;
    const int channel = k / taps, tap = k % taps;
    const int image = pixel / plane, at = pixel % plane;
    const int v = at / s.outputWidth * s.strideHeight - s.paddingHeight + tap / s.kernelWidth * s.dilationHeight;
    const int u = at % s.outputWidth * s.strideWidth - s.paddingWidth + tap % s.kernelWidth * s.dilationWidth;
    if (v < 0 || v >= s.height || u < 0 || u >= s.width) return -1;
    return (((Index)image * s.inputs + group * (s.inputs / s.groups) + channel) * s.height + v) * s.width + u;
}
/// Where an output pixel of a filter of the group lies.
__device__ __forceinline__ Index output_at(const LabConvolution &s, int group, int row, int pixel) {
    const int plane = s.outputHeight * s.outputWidth;
    return ((Index)(pixel / plane) * s.outputs + group * (s.outputs / s.groups) + row) * plane + pixel % plane;
}

template <class T> struct ForwardFactors {
    const T *x, *weight, *bias;
    T *y;
    LabConvolution s;
    int group, patch, rectify;
    __device__ __forceinline__ T a(Index row, Index k) const {
        return weight[(group * (s.outputs / s.groups) + row) * patch + k];
    }
    __device__ __forceinline__ T b(Index k, Index pixel) const {
        const Index at = input_at(s, group, (int)k, (int)pixel);
        return at < 0 ? (T)0 : x[at];
    }
    __device__ __forceinline__ void result(Index row, Index pixel, T sum) const {
        if (bias) sum += bias[group * (s.outputs / s.groups) + row];
        y[output_at(s, group, (int)row, (int)pixel)] = rectify && sum < 0 ? (T)0 : sum;
    }
};

template <class T> struct DataFactors {
    const T *dy, *weight;
    T *dx;
    LabConvolution s;
    int group, patch;
    // Row: an input channel. Term: a filter and a tap. Column: an input pixel.
    __device__ __forceinline__ T a(Index row, Index k) const {
        const int taps = s.kernelHeight * s.kernelWidth;
        const Index filter = group * (s.outputs / s.groups) + k / taps;
        return weight[filter * patch + row * taps + k % taps];
    }
    __device__ __forceinline__ T b(Index k, Index pixel) const {
        const int taps = s.kernelHeight * s.kernelWidth, plane = s.height * s.width;
        const int filter = (int)k / taps, tap = (int)k % taps, image = (int)pixel / plane, at = (int)pixel % plane;
        const int v = at / s.width + s.paddingHeight - tap / s.kernelWidth * s.dilationHeight;
        const int u = at % s.width + s.paddingWidth - tap % s.kernelWidth * s.dilationWidth;
        if (v < 0 || u < 0 || v % s.strideHeight || u % s.strideWidth) return 0;
        const int row = v / s.strideHeight, column = u / s.strideWidth;
        if (row >= s.outputHeight || column >= s.outputWidth) return 0;
        return dy[output_at(s, group, filter, (image * s.outputHeight + row) * s.outputWidth + column)];
    }
    __device__ __forceinline__ void result(Index row, Index pixel, T sum) const {
        const int plane = s.height * s.width;
        dx[((pixel / plane) * s.inputs + group * (s.inputs / s.groups) + row) * plane + pixel % plane] = sum;
    }
};

template <class T> struct WeightFactors {
    const T *x, *dy;
    T *parts;
    LabConvolution s;
    int group, patch;
    // Row: a filter. Term: an output pixel. Column: a term of the patch.
    __device__ __forceinline__ T a(Index row, Index pixel) const {
        return dy[output_at(s, group, (int)row, (int)pixel)];
    }
    __device__ __forceinline__ T b(Index pixel, Index k) const {
        const Index at = input_at(s, group, (int)k, (int)pixel);
        return at < 0 ? (T)0 : x[at];
    }
    __device__ __forceinline__ void result(Index row, Index k, T sum) const {
        parts[(group * (s.outputs / s.groups) + row) * patch + k] = sum;
    }
};

// Grids: x = tiles of columns, y = tiles of rows, z = groups (and for the weights' gradient, groups * pieces).
// parts [pieces, outputs, patch]: the sum over the pieces, in order, is the gradient of the weights.
#define CONVOLUTION(type, T) \
    KERNEL convolution_##type(const T *x, const T *weight, const T *bias, T *y, const LabConvolution s, int rectify) { \
        const int patch = s.inputs / s.groups * s.kernelHeight * s.kernelWidth; \
        const ForwardFactors<T> factors = {x, weight, bias, y, s, (int)blockIdx.z, patch, rectify}; \
        multiply_tile<T>( \
            factors, s.outputs / s.groups, (Index)s.batch * s.outputHeight * s.outputWidth, 0, patch, \
            (Index)blockIdx.y * ROWS, (Index)blockIdx.x * COLUMNS \
        ); \
    } \
    KERNEL convolution_data_##type(const T *dy, const T *weight, T *dx, const LabConvolution s) { \
        const int taps = s.kernelHeight * s.kernelWidth; \
        const DataFactors<T> factors = {dy, weight, dx, s, (int)blockIdx.z, s.inputs / s.groups * taps}; \
        multiply_tile<T>( \
            factors, s.inputs / s.groups, (Index)s.batch * s.height * s.width, 0, \
            (Index)(s.outputs / s.groups) * taps, (Index)blockIdx.y * ROWS, (Index)blockIdx.x * COLUMNS \
        ); \
    } \
    KERNEL convolution_weights_##type(const T *x, const T *dy, T *parts, const LabConvolution s, Index piece) { \
        const int patch = s.inputs / s.groups * s.kernelHeight * s.kernelWidth; \
        const int group = (int)blockIdx.z % s.groups, part = (int)blockIdx.z / s.groups; \
        const Index pixels = (Index)s.batch * s.outputHeight * s.outputWidth; \
        const Index first = part * piece, end = first + piece < pixels ? first + piece : pixels; \
        const WeightFactors<T> factors = {x, dy, parts + (Index)part * s.outputs * patch, s, group, patch}; \
        multiply_tile<T>( \
            factors, s.outputs / s.groups, patch, first, end, (Index)blockIdx.y * ROWS, (Index)blockIdx.x * COLUMNS \
        ); \
    }
CONVOLUTION(float32, float)
CONVOLUTION(float64, double)

// columns [patch, images * outputHeight * outputWidth] of one group and some images, for a product by cuBLAS.
#define UNFOLDED(type, T) \
    KERNEL unfolded_##type(const T *x, T *columns, const LabConvolution s, int group, int firstImage, int images) { \
        const Index pixels = (Index)images * s.outputHeight * s.outputWidth; \
        const Index patch = (Index)(s.inputs / s.groups) * s.kernelHeight * s.kernelWidth; \
        EACH(i, patch * pixels) { \
            const int pixel = (int)(i % pixels) + firstImage * s.outputHeight * s.outputWidth; \
            const Index at = input_at(s, group, (int)(i / pixels), pixel); \
            columns[i] = at < 0 ? (T)0 : x[at]; \
        } \
    } \
    KERNEL folded_##type(const T *columns, T *dx, const LabConvolution s, int group, int firstImage, int images) { \
        const int inputs = s.inputs / s.groups, plane = s.height * s.width; \
        const Index pixels = (Index)images * s.outputHeight * s.outputWidth; \
        EACH(i, (Index)images * inputs * plane) { \
            const int image = (int)(i / plane / inputs), channel = (int)(i / plane % inputs), at = (int)(i % plane); \
            T sum = 0; \
            for (int tap = 0; tap < s.kernelHeight * s.kernelWidth; tap++) { \
                const int v = at / s.width + s.paddingHeight - tap / s.kernelWidth * s.dilationHeight; \
                const int u = at % s.width + s.paddingWidth - tap % s.kernelWidth * s.dilationWidth; \
                if (v < 0 || u < 0 || v % s.strideHeight || u % s.strideWidth) continue; \
                const int row = v / s.strideHeight, column = u / s.strideWidth; \
                if (row >= s.outputHeight || column >= s.outputWidth) continue; \
                const Index k = (Index)channel * s.kernelHeight * s.kernelWidth + tap; \
                sum += columns[k * pixels + ((Index)image * s.outputHeight + row) * s.outputWidth + column]; \
            } \
            dx[((Index)(firstImage + image) * s.inputs + group * inputs + channel) * plane + at] = sum; \
        } \
    }
UNFOLDED(float32, float)
UNFOLDED(float64, double)

// What follows a product by cuBLAS: an offset for each filter, and ReLU. y [batch, outputs, plane]
KERNEL finished_float32(float *y, const float *bias, Index count, int outputs, int plane, int rectify) {
    EACH(i, count) {
        const float sum = bias ? y[i] + bias[i / plane % outputs] : y[i];
        y[i] = rectify && sum < 0 ? 0 : sum;
    }
}
