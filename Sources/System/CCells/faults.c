// Faults and interrupts: what the signal handlers do.
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

int ccells_open_reports(void);
void ccells_forget_main_thread(void);

enum { MAXIMUM_TEXTS = 1 << 14, INTERRUPT = SIGUSR2 };

// The executable text of every cell, in the order of loading. Only appended to.
static struct {
    uintptr_t start, end;
    int cell;
} texts[MAXIMUM_TEXTS];
static atomic_int text_count;

// The thread that is to park when it returns into a cell's text, which cannot be executed meanwhile; 0 for none.
static atomic_int parking_at_return;

void ccells_add_text(uintptr_t start, uintptr_t end, int cell) {
    int index = atomic_load(&text_count);
    if (index == MAXIMUM_TEXTS) return;  // such a cell can still be interrupted, by force
    texts[index].start = start;
    texts[index].end = end;
    texts[index].cell = cell;
    atomic_store(&text_count, index + 1);
}

int ccells_cell_at(uintptr_t address) {
    for (int i = atomic_load(&text_count) - 1; i >= 0; i--)
        if (address >= texts[i].start && address < texts[i].end) return texts[i].cell;
    return 0;
}

int ccells_outermost_cell(uintptr_t frame) {
    int cell = 0;
    // Within the thread's own stack, which can be read without a fault.
    while (frame > ccells_self.stack_low && frame + 16 <= ccells_self.stack_high && frame % 8 == 0) {
        const uintptr_t *words = (const uintptr_t *)frame;
        int found = ccells_cell_at(words[1] - 1);
        if (found) cell = found;
        if (words[0] <= frame) break;
        frame = words[0];
    }
    return cell;
}

int ccells_cell_of_caller(void) {
    if (ccells_self.cell || ccells_self.is_kernels_own) return ccells_self.cell;
    return ccells_self.printing ? ccells_self.printing : ccells_outermost_cell((uintptr_t)__builtin_frame_address(0));
}

void ccells_hold(void) { ccells_self.held++; }

void ccells_release(void) { ccells_self.held--; }

static void protect_texts(int protection) {
    int count = atomic_load(&text_count);
    for (int i = 0; i < count; i++) mprotect((void *)texts[i].start, texts[i].end - texts[i].start, protection);
}

#if defined(__x86_64__)
static uintptr_t program_counter(const ucontext_t *context) { return context->uc_mcontext.gregs[REG_RIP]; }
static uintptr_t frame_pointer(const ucontext_t *context) { return context->uc_mcontext.gregs[REG_RBP]; }
static uintptr_t stack_pointer(const ucontext_t *context) { return context->uc_mcontext.gregs[REG_RSP]; }
// Whether the signal broke off a system call that is not restarted. It ends with EINTR, and its number is lost.
static bool has_broken_off(const ucontext_t *context) {
    const unsigned char *pc = (const unsigned char *)program_counter(context);
    return pc[-2] == 0x0f && pc[-1] == 0x05 && context->uc_mcontext.gregs[REG_RAX] == -EINTR;
}
// The system call that starts again behind the handler; -1 where there is none. With SA_RESTART the kernel has already
// put the call's number back and the counter in front of the instruction.
static long restarting(const ucontext_t *context) {
    const unsigned char *pc = (const unsigned char *)program_counter(context);
    return pc[0] == 0x0f && pc[1] == 0x05 ? context->uc_mcontext.gregs[REG_RAX] : -1;
}
#elif defined(__aarch64__)
static uintptr_t program_counter(const ucontext_t *context) { return context->uc_mcontext.pc; }
static uintptr_t frame_pointer(const ucontext_t *context) { return context->uc_mcontext.regs[29]; }
static uintptr_t stack_pointer(const ucontext_t *context) { return context->uc_mcontext.sp; }
static bool has_broken_off(const ucontext_t *context) {
    const unsigned *pc = (const unsigned *)program_counter(context);
    return pc[-1] == 0xd4000001 && (long)context->uc_mcontext.regs[0] == -EINTR;
}
static long restarting(const ucontext_t *context) {
    const unsigned *pc = (const unsigned *)program_counter(context);
    return pc[0] == 0xd4000001 ? (long)context->uc_mcontext.regs[8] : -1;
}
#endif

// Whether the thread waits for something outside the process, or for another thread. Writing is left out: a `print`
// that waits for its reader holds stdout's lock.
static bool is_waiting(const ucontext_t *context) {
    if (has_broken_off(context)) return true;
    switch (restarting(context)) {
    case SYS_read: case SYS_readv: case SYS_futex: case SYS_wait4: case SYS_waitid: case SYS_accept: case SYS_accept4:
    case SYS_recvfrom: case SYS_recvmsg: case SYS_flock: case SYS_connect: return true;
    default: return false;
    }
}

// Gives back the pages below the oldest megabyte: what lies there belongs to the calls that used the stack up. 100
// overflowed stacks held 820 MB.
static void give_back_stack(void) {
    uintptr_t keep = ccells_self.stack_high - (1 << 20);
    uintptr_t low = (ccells_self.stack_low + 4095) & ~4095ul;
    keep &= ~4095ul;
    if (keep > low) madvise((void *)low, keep - low, MADV_DONTNEED);
}

static _Noreturn void report_and_park(ccells_kind kind, int value, uintptr_t address, uintptr_t pc, uintptr_t frame) {
    // First: from here on an interrupt leaves this thread alone.
    if (ccells_self.is_main) ccells_forget_main_thread();
    ccells_send_report(kind, value, address, pc, frame);
    if (kind == CCELLS_OVERFLOW) give_back_stack();  // the report has read it
    ccells_park();
}

static bool is_overflow(uintptr_t address, uintptr_t stack_pointer) {
    uintptr_t low = ccells_self.stack_low;
    if (!low) return false;
    // The guard lies below the stack; a large frame can reach past it.
    return (address < low + 4096 && address + (1 << 20) > low) || (stack_pointer < low + 4096 && stack_pointer + (1 << 20) > low);
}

static void on_fault(int signal, siginfo_t *info, void *pointer) {
    ucontext_t *context = pointer;
    int saved = errno;
    uintptr_t pc = program_counter(context), address = (uintptr_t)info->si_addr;
    int target = atomic_load(&parking_at_return);
    if (signal == SIGSEGV && pc == address && ccells_cell_at(pc)) {
        if (target && ccells_thread_id() == target) {
            atomic_store(&parking_at_return, 0);
            protect_texts(PROT_READ | PROT_EXEC);
            report_and_park(CCELLS_INTERRUPTED, 0, 0, pc, frame_pointer(context));
        }
        // Another thread came by while the text was closed: it tries again when it is open.
        while (atomic_load(&parking_at_return)) usleep(500);
        errno = saved;
        return;
    }
    if (ccells_self.is_kernels_own) {
        struct sigaction standard = {.sa_handler = SIG_DFL};
        sigaction(signal, &standard, NULL);
        errno = saved;
        return;  // the instruction is repeated, and the process ends as it would have
    }
    bool overflow = signal == SIGSEGV && is_overflow(address, stack_pointer(context));
    report_and_park(overflow ? CCELLS_OVERFLOW : CCELLS_SIGNAL, signal, address, pc, frame_pointer(context));
}

static atomic_bool force;

static void on_interrupt(int signal, siginfo_t *info, void *pointer) {
    (void)signal;
    (void)info;
    ucontext_t *context = pointer;
    int saved = errno;
    // Asked of the one variable that is cleared before a thread reports its end: a thread reports once.
    if (ccells_main_thread() == ccells_thread_id() && !ccells_self.held) {
        uintptr_t pc = program_counter(context);
        if (atomic_load(&force) || ccells_cell_at(pc) || is_waiting(context))
            report_and_park(CCELLS_INTERRUPTED, 0, 0, pc, frame_pointer(context));
    }
    errno = saved;
}

static atomic_int installed_in;  // the process; children that a cell forks are on their own

// Whether what would end the process shall cost the calling thread only.
static bool is_guarded(void) { return !ccells_self.is_kernels_own && atomic_load(&installed_in) == getpid(); }

int ccells_install(void) {
    atomic_store(&installed_in, getpid());
    int event = ccells_open_reports();
    if (event < 0) return -1;
    ccells_self.is_kernels_own = true;
    ccells_set_alternate_stack();
    ccells_note_stack();
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&fault.sa_mask);
    int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], &fault, NULL)) return -1;
    struct sigaction interrupt = {.sa_sigaction = on_interrupt, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&interrupt.sa_mask);
    if (sigaction(INTERRUPT, &interrupt, NULL)) return -1;
    return event;
}

bool ccells_interrupt(bool by_force) {
    pid_t thread = ccells_main_thread();
    if (!thread) return false;
    atomic_store(&force, by_force);
    if (syscall(SYS_tgkill, getpid(), thread, INTERRUPT)) return false;
    if (!by_force) {
        atomic_store(&parking_at_return, thread);
        protect_texts(PROT_READ);
    }
    return true;
}

void ccells_interrupt_done(void) {
    atomic_store(&force, false);
    protect_texts(PROT_READ | PROT_EXEC);
    atomic_store(&parking_at_return, 0);
}

// ---- functions of the C library that would end the process

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

_Noreturn void abort(void) {
    if (is_guarded())
        report_and_park(CCELLS_ABORT, SIGABRT, 0, (uintptr_t)__builtin_return_address(0) - 1,
            *(uintptr_t *)__builtin_frame_address(0));
    ((void (*)(void))next("abort"))();
    __builtin_unreachable();
}

static _Noreturn void leave(const char *function, int code) {
    if (is_guarded())
        report_and_park(CCELLS_EXIT, code, 0, (uintptr_t)__builtin_return_address(0) - 1,
            (uintptr_t)__builtin_frame_address(0));
    ((void (*)(int))next(function))(code);
    __builtin_unreachable();
}

_Noreturn void exit(int code) { leave("exit", code); }
_Noreturn void _exit(int code) { leave("_exit", code); }
_Noreturn void _Exit(int code) { leave("_Exit", code); }
_Noreturn void quick_exit(int code) { leave("quick_exit", code); }

static bool is_swift_runtime(void *caller) {
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libswift");
}

// What the Swift runtime says and then goes on: "SWIFT TASK CONTINUATION MISUSE: f() leaked its continuation…"
static bool is_warning(const char *text) {
    return !strncmp(text, "SWIFT TASK", 10) || !strncasecmp(text, "warning", 7);
}

// The Swift runtime writes "Fatal error: …" to the standard error and traps: kept for the report, where it is said
// once and with the cell's line. Anything else goes its way.
int fputs(const char *text, FILE *stream) {
    static _Atomic(int (*)(const char *, FILE *)) real;
    int (*put)(const char *, FILE *) = atomic_load(&real);
    if (!put) atomic_store(&real, put = (int (*)(const char *, FILE *))next("fputs"));
    bool is_last_word =
        stream == stderr && is_guarded() && is_swift_runtime(__builtin_return_address(0)) && !is_warning(text);
    if (!is_last_word) return put(text, stream);
    size_t room = CCELLS_MESSAGE - 1 - ccells_self.message_length;
    size_t length = strlen(text), taken = length < room ? length : room;
    memcpy(ccells_self.message + ccells_self.message_length, text, taken);
    ccells_self.message_length += taken;
    return 0;
}
