"""Kernels that are wrong on purpose, for test_defects.py: python defects.py FOLDER NAME, under a sanitizer."""

import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent))
from gpu import GPU, Index  # noqa: E402

SOURCE = """
extern "C" __global__ void write_behind(float *x, long long count) {
    const long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (i <= count) x[i] = 1;                                          // should be <
}
extern "C" __global__ void without_barrier(const float *x, float *y) {
    __shared__ float parts[BLOCK];
    parts[threadIdx.x] = x[threadIdx.x];
    y[threadIdx.x] = parts[(threadIdx.x + 1) % BLOCK];                 // a barrier should stand before
}
extern "C" __global__ void with_barrier(const float *x, float *y) {
    __shared__ float parts[BLOCK];
    parts[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = parts[(threadIdx.x + 1) % BLOCK];
}
extern "C" __global__ void barrier_for_some(float *y) {
    if (threadIdx.x < 10) __syncthreads();                             // the others never come
    y[threadIdx.x] = 1;
}
extern "C" __global__ void unwritten(float *y) {
    __shared__ float parts[BLOCK];
    y[threadIdx.x] = parts[threadIdx.x];                               // nobody wrote there
}
extern "C" __global__ void add_one(float *x, long long count) {
    const long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (i < count) x[i] += 1;
}
"""


def run(gpu, name):
    gpu.load("defects", SOURCE)
    if name == "write_behind":
        gpu.launch("defects", name, 1, gpu.empty(100), Index(100))
    elif name in ("without_barrier", "with_barrier"):
        gpu.launch("defects", name, 1, gpu.array(numpy.arange(gpu.block, dtype="float32")), gpu.empty(gpu.block))
    elif name == "use_after_free":
        x = gpu.empty(100)
        gpu.launch("defects", "add_one", 1, x, Index(100))
        gpu.free(x)
    elif name == "read_by_the_host":
        import ctypes

        x = gpu.array(numpy.ones(100, "float32"))
        gpu.wait()
        print(ctypes.c_float.from_address(x.address).value)
    gpu.wait()


if __name__ == "__main__":
    run(GPU(Path(sys.argv[1]), int(sys.argv[3])), sys.argv[2])
