// What every family of kernels begins with. No header is included and no assembly written, so that the same text
// compiles with NVRTC for a card and with clang for the simulation.

typedef long long Index;
typedef unsigned char Byte;
typedef unsigned int Word;
typedef unsigned long long Long;

// Threads in a block: a power of two. The simulation under the thread sanitizer takes fewer.
#ifndef BLOCK
#define BLOCK 256
#endif

#define KERNEL extern "C" __global__ void __launch_bounds__(BLOCK)

/// Each thread takes elements a whole grid apart, so any number of blocks covers any number of elements. Not unrolled:
/// the grid has threads enough to hide the waiting, and four copies of `pow` in each kernel cost seconds of compiling.
#define EACH(i, count) \
    _Pragma("unroll 1") for (Index i = blockIdx.x * (Index)blockDim.x + threadIdx.x; i < (count); \
                             i += gridDim.x * (Index)blockDim.x)
/// Each block takes rows a whole grid apart; all its threads see the same row.
#define EACH_ROW(row, count) for (Index row = blockIdx.x; row < (count); row += gridDim.x)

/// The sum over the block of each thread's value, known to all. In halves: the order depends on the block's size alone.
template <class T> __device__ T block_sum(T value) {
    __shared__ T parts[BLOCK];
    parts[threadIdx.x] = value;
    __syncthreads();
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    const T result = parts[0];
    __syncthreads();
    return result;
}

/// The largest of the block's values, known to all. NaN does not count.
template <class T> __device__ T block_largest(T value) {
    __shared__ T parts[BLOCK];
    parts[threadIdx.x] = value;
    __syncthreads();
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        if (threadIdx.x < half && parts[threadIdx.x + half] > parts[threadIdx.x]) {
            parts[threadIdx.x] = parts[threadIdx.x + half];
        }
        __syncthreads();
    }
    const T result = parts[0];
    __syncthreads();
    return result;
}

/// Where element i of the result finds its operands.
__device__ __forceinline__ void locate(const LabBroadcast &plan, Index i, Index &left, Index &right) {
    left = right = 0;
    if (i <= 0x7fffffff) {
        // Divisions of 32 bits are several times as fast as those of 64.
        Word rest = (Word)i;
        _Pragma("unroll 1") for (int axis = 0; axis < plan.rank; axis++) {
            const Word quotient = rest / (Word)plan.sizes[axis];
            const Word position = rest - quotient * (Word)plan.sizes[axis];
            left += position * plan.left[axis];
            right += position * plan.right[axis];
            rest = quotient;
        }
    } else {
        Index rest = i;
        _Pragma("unroll 1") for (int axis = 0; axis < plan.rank; axis++) {
            const Index quotient = rest / plan.sizes[axis];
            const Index position = rest - quotient * plan.sizes[axis];
            left += position * plan.left[axis];
            right += position * plan.right[axis];
            rest = quotient;
        }
    }
}

__device__ __forceinline__ float exponential(float x) { return expf(x); }
__device__ __forceinline__ double exponential(double x) { return exp(x); }
__device__ __forceinline__ float logarithm(float x) { return logf(x); }
__device__ __forceinline__ double logarithm(double x) { return log(x); }
__device__ __forceinline__ float root(float x) { return sqrtf(x); }
__device__ __forceinline__ double root(double x) { return sqrt(x); }
template <class T> __device__ __forceinline__ T lowest();
template <> __device__ __forceinline__ float lowest<float>() { return -__uint_as_float(0x7f800000u); }
template <> __device__ __forceinline__ double lowest<double>() { return -(double)__uint_as_float(0x7f800000u); }
