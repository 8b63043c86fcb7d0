// The vector kernels of Kernels.h, compiled for each kind of processor, and the choice between them.
//
// The attribute, not a compiler flag, sets the target: nothing else in the program may use instructions that an older
// processor lacks.
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef float Four __attribute__((vector_size(16)));
typedef float LooseFour __attribute__((vector_size(16), aligned(4)));

#define LANES 4
#define TARGET(name) name##_baseline
#define TARGET_NAME "baseline"
#include "Kernels.h"
#undef LANES
#undef TARGET
#undef TARGET_NAME

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LANES 8
#define TARGET(name) name##_v3
#define TARGET_NAME "x86-64-v3"
#include "Kernels.h"
#undef LANES
#undef TARGET
#undef TARGET_NAME
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#define LANES 16
#define TARGET(name) name##_v4
#define TARGET_NAME "x86-64-v4"
#include "Kernels.h"
#undef LANES
#undef TARGET
#undef TARGET_NAME
#pragma clang attribute pop
#pragma clang attribute pop
#endif

const KernelsTable *kernels_table_at(int index) {
    if (index == 0) return &table_baseline;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (index == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &table_v3;
    if (index == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512cd")) {
        return &table_v4;
    }
#endif
    return 0;
}

static const KernelsTable *best;

void kernels_use_table(int index) {
    __atomic_store_n(&best, index < 0 ? 0 : kernels_table_at(index), __ATOMIC_RELAXED);
}

const KernelsTable *kernels_table(void) {
    const KernelsTable *table = __atomic_load_n(&best, __ATOMIC_RELAXED);
    if (!table) {
        for (int i = 0; kernels_table_at(i); i++) table = kernels_table_at(i);
        __atomic_store_n(&best, table, __ATOMIC_RELAXED);
    }
    return table;
}
