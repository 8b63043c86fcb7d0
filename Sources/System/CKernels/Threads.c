// A pool of threads that take tiles of work from a shared counter.
//
// A static split is a little faster on a quiet machine and collapses on a busy one: when another process holds a core,
// everything waits for the half that has none (measured: a training step 12 times slower). Workers spin for at most
// 200 us between jobs, which covers the gaps inside a training step (up to 120 us), and then sleep. Sleeping in them costs
// more than the 30 us of the wakening: a virtual core that halts comes back with cold caches, and the optimizer's pass took
// 334 us behind a gap of 30 us where it takes 101 behind spinning (LeNet, batch 64: 11,600 against 14,200 images/s).
//
// Beside another process that computes, spinning uses up a worker's share of its core, and it is stopped in the middle of a
// tile instead (48 % of the quiet rate where 68 % were). A worker that lost its core for over 1 ms within a job, by the
// processor's time it got, has all spin 20 us only for the next 0.2 s.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CKernels.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_THREADS = 64, QUIET_SPIN = 200000, BUSY_SPIN = 20000, LOST_CORE = 1000000, BUSY_PERIOD = 200000000 };

// The job. `ticket` holds its number, its count of tiles and the next tile, so that one compare-and-swap takes a tile
// of a job that still runs; the other fields cannot change before that tile is done.
static void (*body_now)(void *, int64_t);
static void *context_now;
static _Atomic uint64_t ticket;
static _Atomic int64_t done;
static _Atomic uint32_t job_number, finished_number;
static _Atomic int sleepers, caller_sleeps;

static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;
static int worker_count;
static _Atomic int thread_limit;

// Until when other processes are taken to want the cores.
static _Atomic int64_t busy_until;

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void futex_wake(_Atomic uint32_t *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}
static int64_t nanoseconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static int64_t nanoseconds(void) { return nanoseconds_of(CLOCK_MONOTONIC); }
static int64_t spinning_until(void) {
    int64_t now = nanoseconds();
    return now + (now < atomic_load_explicit(&busy_until, memory_order_relaxed) ? BUSY_SPIN : QUIET_SPIN);
}
// Time that the thread was ready to run and did not, besides a constant.
static int64_t time_without_core(void) { return nanoseconds() - nanoseconds_of(CLOCK_THREAD_CPUTIME_ID); }
static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

// Numbers below 1e-38 make a multiplication 40 times slower, and training does not miss them.
uint64_t kernels_flush_denormals(void) {
#if defined(__x86_64__)
    uint32_t old = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(old | 0x8040);
    return old;
#else
    uint64_t old;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" ::"r"(old | (1ull << 24)));
    return old;
#endif
}
void kernels_restore_denormals(uint64_t old) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((uint32_t)old);
#else
    __asm__ volatile("msr fpcr, %0" ::"r"(old));
#endif
}

static _Thread_local KernelsThreadState state;
KernelsThreadState *kernels_thread_state(void) {
    if (!state.thread) state.thread = (uint64_t)syscall(SYS_gettid);
    return &state;
}

static void take_tiles(void) {
    for (;;) {
        uint64_t t = atomic_load_explicit(&ticket, memory_order_acquire);
        uint64_t next = t & 0xFFFFFF, tiles = (t >> 24) & 0xFFFFFF;
        if (next >= tiles) return;
        if (!atomic_compare_exchange_weak_explicit(
                &ticket, &t, t + 1, memory_order_acq_rel, memory_order_relaxed)) {
            continue;
        }
        body_now(context_now, (int64_t)next);
        if (atomic_fetch_add(&done, 1) + 1 == (int64_t)tiles) {
            atomic_fetch_add(&finished_number, 1);
            if (atomic_load(&caller_sleeps)) futex_wake(&finished_number, 1);
        }
    }
}

static void *work(void *argument) {
    int index = (int)(intptr_t)argument;
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV), sigdelset(&all, SIGILL), sigdelset(&all, SIGBUS), sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGTRAP), sigdelset(&all, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    kernels_flush_denormals();
    uint32_t seen = 0;
    int64_t without = time_without_core();
    for (;;) {
        int64_t until = spinning_until();
        uint32_t now;
        while ((now = atomic_load_explicit(&job_number, memory_order_acquire)) == seen) {
            for (int i = 0; i < 16; i++) relax();
            if (nanoseconds() < until) continue;
            atomic_fetch_add(&sleepers, 1);
            if (atomic_load(&job_number) == seen) futex_wait(&job_number, seen);
            atomic_fetch_sub(&sleepers, 1);
            without = time_without_core();
        }
        seen = now;
        if (index < atomic_load_explicit(&thread_limit, memory_order_relaxed)) take_tiles();
        int64_t before = without;
        without = time_without_core();
        if (without - before > LOST_CORE)
            atomic_store_explicit(&busy_until, nanoseconds() + BUSY_PERIOD, memory_order_relaxed);
    }
    return NULL;
}

int kernels_thread_count(void) {
    int count = atomic_load(&thread_limit);
    if (count) return count;
    cpu_set_t set;
    count = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    if (count > MOST_THREADS) count = MOST_THREADS;
    int none = 0;
    atomic_compare_exchange_strong(&thread_limit, &none, count);
    return atomic_load(&thread_limit);
}

void kernels_set_thread_count(int count) {
    atomic_store(&thread_limit, count < 1 ? 1 : count > MOST_THREADS ? MOST_THREADS : count);
}

void kernels_parallel(int64_t tiles, void *context, void (*body)(void *, int64_t)) {
    if (tiles <= 0) return;
    uint64_t old = kernels_flush_denormals();
    // A second caller, or a tile that wants tiles of its own, works through them alone.
    if (tiles == 1 || tiles > 0xFFFFFF || kernels_thread_count() == 1 || pthread_mutex_trylock(&owner)) {
        for (int64_t tile = 0; tile < tiles; tile++) body(context, tile);
        kernels_restore_denormals(old);
        return;
    }
    while (worker_count < kernels_thread_count() - 1) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, 1 << 20);
        int failed = pthread_create(&thread, &attributes, work, (void *)(intptr_t)(worker_count + 1));
        pthread_attr_destroy(&attributes);
        if (failed) break;
        worker_count++;
    }
    state.jobs++;
    body_now = body;
    context_now = context;
    atomic_store(&done, 0);
    uint32_t finished = atomic_load(&finished_number);
    uint32_t number = atomic_load(&job_number) + 1;
    atomic_store_explicit(&ticket, (uint64_t)(number & 0xFFFF) << 48 | (uint64_t)tiles << 24, memory_order_release);
    atomic_store(&job_number, number);
    if (atomic_load(&sleepers)) futex_wake(&job_number, MOST_THREADS);
    take_tiles();
    int64_t until = 0;
    while (atomic_load_explicit(&finished_number, memory_order_acquire) == finished) {
        for (int i = 0; i < 16; i++) relax();
        if (!until) until = spinning_until();
        if (nanoseconds() < until) continue;
        atomic_store(&caller_sleeps, 1);
        if (atomic_load(&finished_number) == finished) futex_wait(&finished_number, finished);
        atomic_store(&caller_sleeps, 0);
    }
    pthread_mutex_unlock(&owner);
    state.jobs--;
    kernels_restore_denormals(old);
}

static _Thread_local struct {
    float *address;
    size_t floats;
} scratch[8];

float *kernels_scratch(int slot, size_t floatCount) {
    if (scratch[slot].floats < floatCount) {
        free(scratch[slot].address);
        // Half as much again, so that slowly growing demands do not allocate each time.
        size_t floats = (floatCount + floatCount / 2 + 1023) / 1024 * 1024;
        if (posix_memalign((void **)&scratch[slot].address, 4096, floats * sizeof(float))) abort();
        scratch[slot].floats = floats;
    }
    return scratch[slot].address;
}
