// Vector kernels, written once and compiled for each kind of processor: Kernels.c includes this file with TARGET(name)
// and LANES set. No include guard, on purpose. Each family has a file of its own, included below.

#if LANES == 16 || defined(__aarch64__)
// 32 registers: 5 x 4 sums, 5 weights, the rest for inputs.
#define OUTPUTS 5
#define INPUTS 2
#define BLOCK 5
#define COLUMNS 4
#else
// 16 registers.
#define OUTPUTS 3
#define INPUTS 1
#define BLOCK 2
#define COLUMNS 2
#endif
#define ROUNDS (16 / LANES)
// Holds a value in its register, where the compiler would read it from memory again for each use.
#if defined(__aarch64__)
#define KEEP(v) __asm__("" : "+w"(v))
#else
#define KEEP(v) __asm__("" : "+v"(v))
#endif
// Sums stay in registers only if every loop over them has a constant count: a loop up to a variable, even one that
// runs once at the end, puts them in memory (105 instead of 160 GFLOP/s).

typedef float TARGET(V) __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));
typedef int32_t TARGET(I) __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));
typedef float TARGET(U) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef uint8_t TARGET(B) __attribute__((vector_size(LANES), aligned(LANES)));
#define V TARGET(V)
#define I TARGET(I)
#define U TARGET(U)
#define B TARGET(B)
#define EXPAND(...) __VA_ARGS__
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// How many pieces a sum of `count` products is computed in; each has a sum of its own, and those are added up. A sum of n
// numbers of one sign in one order is wrong by about 0.2·ε·sqrt(n / 3) of its size, and the worst of a million such sums by
// five times that: more than 4·ε from 40 on. In these pieces it stays below 4·ε up to 10,000 (docs/performance.md).
INLINE int64_t TARGET(pieces)(int64_t count) {
    return count <= 40 ? 1 : count <= 128 ? 2 : count <= 2048 ? (count + 63) / 64 : 32;
}

INLINE V TARGET(load)(const float *p) { return *(const V *)p; }
INLINE void TARGET(store)(float *p, V v) { *(V *)p = v; }
#define load TARGET(load)
#define store TARGET(store)
INLINE V TARGET(zero)(void) { return (V){0}; }
#define zero TARGET(zero)
INLINE float TARGET(total)(V v) {
    float sum = 0;
    float lanes[LANES];
    __builtin_memcpy(lanes, &v, sizeof v);
    // Halves onto halves: the same order for every vector width of this table.
    for (int half = LANES / 2; half; half /= 2) {
        UNROLL for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    sum = lanes[0];
    return sum;
}
// The totals of LANES vectors at once: pairs are folded into one vector of half sums, those again, and so on.
INLINE V TARGET(totals)(const V *v) {
#define FOLD(a, b, low, high) (__builtin_shufflevector(a, b, low) + __builtin_shufflevector(a, b, high))
    V h[LANES / 2];
#if LANES == 16
    UNROLL for (int i = 0; i < 8; i++)
        h[i] = FOLD(v[2 * i], v[2 * i + 1], EXPAND(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
                    EXPAND(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
    UNROLL for (int i = 0; i < 4; i++)
        h[i] = FOLD(h[2 * i], h[2 * i + 1], EXPAND(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27),
                    EXPAND(4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31));
    UNROLL for (int i = 0; i < 2; i++)
        h[i] = FOLD(h[2 * i], h[2 * i + 1], EXPAND(0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29),
                    EXPAND(2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31));
    return FOLD(h[0], h[1], EXPAND(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
                EXPAND(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
#elif LANES == 8
    UNROLL for (int i = 0; i < 4; i++)
        h[i] = FOLD(v[2 * i], v[2 * i + 1], EXPAND(0, 1, 2, 3, 8, 9, 10, 11), EXPAND(4, 5, 6, 7, 12, 13, 14, 15));
    UNROLL for (int i = 0; i < 2; i++)
        h[i] = FOLD(h[2 * i], h[2 * i + 1], EXPAND(0, 1, 4, 5, 8, 9, 12, 13), EXPAND(2, 3, 6, 7, 10, 11, 14, 15));
    return FOLD(h[0], h[1], EXPAND(0, 2, 4, 6, 8, 10, 12, 14), EXPAND(1, 3, 5, 7, 9, 11, 13, 15));
#else
    UNROLL for (int i = 0; i < 2; i++)
        h[i] = FOLD(v[2 * i], v[2 * i + 1], EXPAND(0, 1, 4, 5), EXPAND(2, 3, 6, 7));
    return FOLD(h[0], h[1], EXPAND(0, 2, 4, 6), EXPAND(1, 3, 5, 7));
#endif
#undef FOLD
}
// Not below 0; NaN stays, so that it is noticed.
INLINE V TARGET(rectified)(V a) { return (V)((I)a & ~(a < (V){0})); }
#define rectified TARGET(rectified)
// The next `count` numbers, at most LANES, with zeros behind: the ends of rows take the same steps as all else, so that no
// bit depends on where a number stands.
INLINE V TARGET(some)(const float *p, int64_t count) {
    if (count >= LANES) return (V)*(const U *)p;
#if LANES == 16
    return _mm512_maskz_loadu_ps(count > 0 ? (1u << count) - 1 : 0, p);
#else
    V v = (V){0};
    for (int64_t i = 0; i < count; i++) v[i] = p[i];
    return v;
#endif
}
INLINE void TARGET(store_some)(float *p, V v, int64_t count) {
    if (count >= LANES) {
        *(U *)p = (U)v;
        return;
    }
#if LANES == 16
    _mm512_mask_storeu_ps(p, count > 0 ? (1u << count) - 1 : 0, v);
#else
    for (int64_t i = 0; i < count; i++) p[i] = v[i];
#endif
}
// Every other lane of two vectors, and two vectors lane by lane in turn.
#if LANES == 16
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LOWER 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define UPPER 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#define LOWER 0, 8, 1, 9, 2, 10, 3, 11
#define UPPER 4, 12, 5, 13, 6, 14, 7, 15
#else
#define EVEN 0, 2, 4, 6
#define ODD 1, 3, 5, 7
#define LOWER 0, 4, 1, 5
#define UPPER 2, 6, 3, 7
#endif

INLINE V TARGET(square_root)(V v) {
#if defined(__aarch64__) || !defined(__clang__)
    UNROLL for (int i = 0; i < LANES; i++) v[i] = __builtin_sqrtf(v[i]);
    return v;
#else
    return __builtin_elementwise_sqrt(v);
#endif
}
#define some TARGET(some)
#define store_some TARGET(store_some)

#include "Convolution.h"
#include "Products.h"
#include "PooledGradients.h"
#include "Winograd.h"
#include "Normalization.h"
#include "Pooling.h"
#include "Patches.h"
#include "Elementwise.h"
#include "Augmentation.h"
#include "Steps.h"

static const KernelsTable TARGET(table) = {
    .name = TARGET_NAME,
    .outputBlock = OUTPUTS,
    .inputBlock = INPUTS,
    .convolve = TARGET(convolve),
    .convolvePool = TARGET(convolve_pool),
    .weightGradient = TARGET(weight_gradient),
    .dataGradient = TARGET(data_gradient),
    .pack = TARGET(pack),
    .unpack = TARGET(unpack),
    .channelLanes = SHORT,
    .channelVectors = CHANNEL_VECTORS,
    .pooledPositions = TARGET(pooled_positions),
    .pooledWeightGradient = TARGET(pooled_weight_gradient),
    .pooledDataGradient = TARGET(pooled_data_gradient),
    .multipliesFast = LANES == 16,
    .multiply = TARGET(multiply),
    .multiplyVector = TARGET(multiply_vector),
    .transpose = TARGET(transpose),
    .winogradInput = TARGET(winograd_input),
    .winogradGradient = TARGET(winograd_gradient),
    .winogradOutput = TARGET(winograd_output),
    .winogradFilters = TARGET(winograd_filters),
    .winogradFilterGradient = TARGET(winograd_filter_gradient),
    .moments = TARGET(moments),
    .normalize = TARGET(normalize),
    .normalizeSums = TARGET(normalize_sums),
    .normalizeBack = TARGET(normalize_back),
    .normalizePool = TARGET(normalize_pool),
    .normalizeSumsPooled = TARGET(normalize_sums_pooled),
    .normalizeBackPooled = TARGET(normalize_back_pooled),
    .maxPool = TARGET(max_pool),
    .maxPoolBack = TARGET(max_pool_back),
    .takeEvery = TARGET(take_every),
    .addEvery = TARGET(add_every),
    .maxPoolWindows = TARGET(max_pool_windows),
    .map = TARGET(map),
    .combine = TARGET(combine),
    .scaleBytes = TARGET(scale_bytes),
    .sumParts = TARGET(sum_parts),
    .move = TARGET(move),
    .shade = TARGET(shade),
    .mixColors = TARGET(mix_colors),
    .addNoise = TARGET(add_noise),
    .plainStep = TARGET(plain_step),
    .momentumStep = TARGET(momentum_step),
    .adaptiveStep = TARGET(adaptive_step),
};

#undef V
#undef I
#undef U
#undef S
#undef SHORT
#undef CHANNEL_VECTORS
#undef ROWS_AT_ONCE
#undef B
#undef load
#undef store
#undef zero
#undef rectified
#undef some
#undef store_some
#undef INLINE
#undef EXPAND
#undef UNROLL
#undef OUTPUTS
#undef INPUTS
#undef BLOCK
#undef COLUMNS
#undef KEEP
#undef EVEN
#undef ODD
#undef LOWER
#undef UPPER
#undef ROUNDS
