// CUDA's dialect for the processor: the simulated NVRTC puts this before a kernel's source and compiles it with clang.
// It holds what our kernels use and no more, so a kernel that uses something else does not compile here.
#pragma once

struct uint3 { unsigned int x, y, z; };

/// What the running thread sees of the simulation. `core.cpp` changes it when it goes on with another thread.
struct SimulatedCore {
    uint3 threadIdx, blockIdx, blockDim, gridDim;
    void (*barrier)(int line);
};
/// A kernel as its module lists it.
struct SimulatedKernel {
    const char *name;
    void (*call)(void **arguments);
    int argumentCount;
    const int *argumentSizes;
};

static SimulatedCore *simulated_core;

#define threadIdx (simulated_core->threadIdx)
#define blockIdx (simulated_core->blockIdx)
#define blockDim (simulated_core->blockDim)
#define gridDim (simulated_core->gridDim)
#define __syncthreads() (simulated_core->barrier(__LINE__))

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#if defined(SIMULATED_SANITIZER)
// As plain statics the sanitizers watch their borders.
#define __shared__ static
#else
// In one section, so that the simulation can fill them with rubbish before each block. `used`: the compiler does
// not see that, and would take what no thread writes for 0.
#define __shared__ static __attribute__((used, section("simulated_shared")))
extern "C" {
__attribute__((weak, visibility("hidden"))) extern char __start_simulated_shared[];
__attribute__((weak, visibility("hidden"))) extern char __stop_simulated_shared[];
}
#endif

extern "C" {
float expf(float), logf(float), log1pf(float), sqrtf(float), sinf(float), cosf(float), tanhf(float), erff(float);
float powf(float, float), fmodf(float, float), floorf(float), ceilf(float), truncf(float), rintf(float);
float fabsf(float), fmaf(float, float, float);
double exp(double), log(double), log1p(double), sqrt(double), sin(double), cos(double), tanh(double), erf(double);
double pow(double, double), fmod(double, double), floor(double), ceil(double), trunc(double), rint(double);
double fabs(double);
}
static inline int atomicMin(int *place, int value) {
    int old = __atomic_load_n(place, __ATOMIC_RELAXED);
    const int order = __ATOMIC_RELAXED;
    while (value < old && !__atomic_compare_exchange_n(place, &old, value, false, order, order)) {}
    return old;
}
// Each rounds once: no multiplication and addition is fused into one.
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline unsigned int __float_as_uint(float x) { return __builtin_bit_cast(unsigned int, x); }
static inline float __uint_as_float(unsigned int x) { return __builtin_bit_cast(float, x); }

template <class... Parameters> struct SimulatedCall;
template <class First, class... Rest> struct SimulatedCall<First, Rest...> {
    template <class Function, class... Bound> static void call(Function f, void **arguments, Bound... bound) {
        SimulatedCall<Rest...>::call(f, arguments + 1, bound..., *(First *)arguments[0]);
    }
};
template <> struct SimulatedCall<> {
    template <class Function, class... Bound> static void call(Function f, void **, Bound... bound) { f(bound...); }
};
template <class... Parameters> struct SimulatedSizes {
    static constexpr int count = sizeof...(Parameters);
    static constexpr int sizes[count + 1] = {(int)sizeof(Parameters)..., 0};
};
template <class> struct SimulatedSignature;
template <class... Parameters> struct SimulatedSignature<void (*)(Parameters...)> {
    using Sizes = SimulatedSizes<Parameters...>;
    template <void (*kernel)(Parameters...)> static void call(void **arguments) {
        SimulatedCall<Parameters...>::call(kernel, arguments);
    }
};
#define SIMULATED_KERNEL(kernel) \
    {#kernel, SimulatedSignature<decltype(&kernel)>::template call<&kernel>, \
     SimulatedSignature<decltype(&kernel)>::Sizes::count, SimulatedSignature<decltype(&kernel)>::Sizes::sizes}
