// Thread starts: every thread gets an alternate signal stack, without which a stack overflow ends the process, and
// inherits from its starter whose work it does.
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Thread_local ccells_thread ccells_self;

enum { MAXIMUM_THREADS = 1 << 12 };
static atomic_int threads[MAXIMUM_THREADS];  // the ids of those that do the work of cells; 0 for none

static pthread_key_t alternate_stack;
static pthread_once_t once = PTHREAD_ONCE_INIT;

enum { ALTERNATE_STACK = 64 * 1024 };

void ccells_add_thread(void) {
    if (ccells_self.is_listed) return;
    ccells_self.is_listed = true;
    for (int i = 0; i < MAXIMUM_THREADS; i++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&threads[i], &none, ccells_thread_id())) return;
    }
}

void ccells_remove_thread(void) {
    pid_t self = ccells_thread_id();
    for (int i = 0; i < MAXIMUM_THREADS; i++) {
        int id = self;
        if (atomic_compare_exchange_strong(&threads[i], &id, 0)) return;
    }
}

void ccells_visit_threads(void (*visit)(pid_t)) {
    for (int i = 0; i < MAXIMUM_THREADS; i++) {
        pid_t thread = atomic_load(&threads[i]);
        if (thread) visit(thread);
    }
}

// Runs at a thread's end.
static void free_alternate_stack(void *stack) {
    if (!ccells_self.is_kernels_own) ccells_remove_thread();
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    munmap(stack, ALTERNATE_STACK);
}

static void make_key(void) { pthread_key_create(&alternate_stack, free_alternate_stack); }

void ccells_set_alternate_stack(void) {
    pthread_once(&once, make_key);
    if (pthread_getspecific(alternate_stack)) return;
    void *stack = mmap(NULL, ALTERNATE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) return;
    stack_t alternate = {.ss_sp = stack, .ss_size = ALTERNATE_STACK};
    sigaltstack(&alternate, NULL);
    pthread_setspecific(alternate_stack, stack);
}

void ccells_note_stack(void) {
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes)) return;
    void *low;
    size_t size;
    if (!pthread_attr_getstack(&attributes, &low, &size)) {
        ccells_self.stack_low = (uintptr_t)low;
        ccells_self.stack_high = (uintptr_t)low + size;
    }
    pthread_attr_destroy(&attributes);
}

typedef struct {
    void *(*routine)(void *);
    void *argument;
    bool is_kernels_own;
    int cell;
} start;

static void *begin(void *pointer) {
    start given = *(start *)pointer;
    free(pointer);
    ccells_self.is_kernels_own = given.is_kernels_own;
    ccells_self.cell = given.cell;
    ccells_set_alternate_stack();
    ccells_note_stack();
    if (!given.is_kernels_own) ccells_add_thread();
    return given.routine(given.argument);
}

// Dispatch's workers outlive the work for which they were started: they are never the kernel's own, and no one cell's.
static bool is_worker(void *routine) {
    Dl_info info;
    return dladdr(routine, &info) && info.dli_fname && strstr(info.dli_fname, "libdispatch");
}

// Takes the place of the C library's for the whole process.
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) {
    start *given = malloc(sizeof *given);
    if (!given) return EAGAIN;
    bool worker = is_worker((void *)routine);
    *given = (start){routine, argument, ccells_self.is_kernels_own && !worker, worker ? 0 : ccells_own_cell()};
    int failure = REAL(pthread_create)(thread, attributes, begin, given);
    if (failure) free(given);
    return failure;
}

typedef struct {
    void (*body)(void *);
    void *argument;
    int cell;
    int *thread;
} top_level;

static void *run_top_level(void *pointer) {
    top_level given = *(top_level *)pointer;
    free(pointer);
    ccells_self.is_kernels_own = false;
    ccells_self.is_main = true;
    ccells_self.cell = given.cell;
    ccells_add_thread();
    __atomic_store_n(given.thread, ccells_thread_id(), __ATOMIC_RELEASE);
    atomic_store(&ccells_newest_thread, ccells_thread_id());
    ccells_take_waiting_signals();
    given.body(given.argument);
    ccells_self.has_ended = true;
    ccells_is_gone();
    ccells_send_report(CCELLS_RETURNED, 0, 0, (ccells_place){0});
    return NULL;
}

void ccells_enter(ccells_entry entry) {
    static char *arguments[] = {"swift-lab", NULL};
    jmp_buf thrown;
    ccells_self.thrown = &thrown;
    // An error that leaves the top level comes back by `ccells_leave_top_level`: the compiler's code behind its report
    // is a trap. Nothing is lost by the jump: the error has already left every frame but the top level's.
    if (!_setjmp(thrown)) entry(1, arguments);
    // From here on an interrupt leaves this thread alone.
    ccells_self.has_ended = true;
}

// A top level that awaits is a task, which the compiler's code makes without what its thread has bound to task-local
// values: with them, what the cell displays and prints in tasks stays its own. 1 << 10 is the flag that `Task.init`
// sets for that and `Task.detached` does not; 1 << 12 (enqueue), which both set, tells the top level's task from theirs
// (TaskCreateFlags in the runtime's MetadataValues.h).
typedef struct {
    void *task, *context;
} created;

__attribute__((swiftcall)) created swift_task_create(
    size_t flags, void *options, const void *result_type, void *entry, void *context) {
    if (ccells_self.is_main && !(flags & 1 << 12)) flags |= 1 << 10;
    return REAL(swift_task_create)(flags, options, result_type, entry, context);
}

int ccells_start(void (*body)(void *), void *argument, int cell, size_t stack_size, int *thread_id) {
    top_level *given = malloc(sizeof *given);
    if (!given) return EAGAIN;
    *given = (top_level){body, argument, cell, thread_id};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_size);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int failure = pthread_create(&thread, &attributes, run_top_level, given);
    pthread_attr_destroy(&attributes);
    if (failure) free(given);
    return failure;
}

typedef struct {
    void (*work)(void *);
    void *argument;
} worker;

static void *run_worker(void *pointer) {
    worker given = *(worker *)pointer;
    free(pointer);
    ccells_self.is_kernels_own = false;
    ccells_self.cell = 0;
    ccells_add_thread();
    given.work(given.argument);
    return NULL;
}

int ccells_start_worker(void (*work)(void *), void *argument) {
    worker *given = malloc(sizeof *given);
    if (!given) return EAGAIN;
    *given = (worker){work, argument};
    pthread_t thread;
    int failure = pthread_create(&thread, NULL, run_worker, given);
    if (failure) {
        free(given);
    } else {
        pthread_detach(thread);
    }
    return failure;
}

int ccells_generation(const int *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

void ccells_advance(int *word) {
    __atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void ccells_wait(const int *word, int seen, int64_t nanoseconds) {
    struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, nanoseconds < 0 ? NULL : &limit, NULL, 0);
}

pid_t ccells_thread_id(void) { return (pid_t)syscall(SYS_gettid); }

void ccells_leave_top_level(void) {
    if (ccells_self.thrown) _longjmp(*ccells_self.thrown, 1);
    exit(1);  // parks the thread
}

void ccells_top_level_waits(void) { ccells_self.thrown = NULL; }

// ---- mutexes: whether a thread that is parked leaves one behind

void *ccells_real(const char *name, _Atomic(void *) *known) {
    void *function = atomic_load_explicit(known, memory_order_relaxed);
    if (!function) atomic_store(known, function = dlsym(RTLD_NEXT, name));
    return function;
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    int failure = REAL(pthread_mutex_lock)(mutex);
    if (!failure) ccells_self.lock_count++;
    return failure;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    int failure = REAL(pthread_mutex_trylock)(mutex);
    if (!failure) ccells_self.lock_count++;
    return failure;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    int failure = REAL(pthread_mutex_unlock)(mutex);
    if (!failure && ccells_self.lock_count > 0) ccells_self.lock_count--;
    return failure;
}

// A thread that waits for a condition does not hold its mutex.
#define WAITING(call)                                                      \
    bool held = ccells_self.lock_count > 0;                                \
    ccells_self.lock_count -= held;                                        \
    int failure = call;                                                    \
    ccells_self.lock_count += held;                                        \
    return failure

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    WAITING(REAL(pthread_cond_wait)(condition, mutex));
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *limit) {
    WAITING(REAL(pthread_cond_timedwait)(condition, mutex, limit));
}

int ccells_current_cell(void) { return ccells_own_cell(); }
