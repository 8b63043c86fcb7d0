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
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

int ccells_open_reports(void);

enum { MAXIMUM_TEXTS = 1 << 14, INTERRUPT = SIGUSR2 };

// The executable text of every cell, in the order of loading. Only appended to.
static struct {
    uintptr_t start, end;
    int cell;
} texts[MAXIMUM_TEXTS];
static atomic_int text_count;

// Whether cells' text cannot be executed, so that threads which are to park do when they return into it. The others wait.
static atomic_bool texts_are_closed;

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
    int cell = ccells_own_cell();
    if (cell || ccells_self.is_kernels_own) return cell;
    return ccells_self.printing ? ccells_self.printing : ccells_outermost_cell((uintptr_t)__builtin_frame_address(0));
}

void ccells_hold(void) { ccells_self.held++; }

void ccells_release(void) {
    if (--ccells_self.held || !ccells_self.waiting_signals) return;
    uint64_t waiting = ccells_self.waiting_signals;
    ccells_self.waiting_signals = 0;
    for (int signal = 1; signal < 64; signal++)
        if (waiting >> signal & 1) syscall(SYS_tgkill, getpid(), ccells_thread_id(), signal);
}

static void close_texts(bool closed) {
    if (closed) atomic_store(&texts_are_closed, true);
    int count = atomic_load(&text_count), protection = closed ? PROT_READ : PROT_READ | PROT_EXEC;
    for (int i = 0; i < count; i++) mprotect((void *)texts[i].start, texts[i].end - texts[i].start, protection);
    if (!closed) atomic_store(&texts_are_closed, false);
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

static ccells_place place(const ucontext_t *context) {
    return (ccells_place){program_counter(context), frame_pointer(context), stack_pointer(context)};
}

atomic_int ccells_newest_thread;

// How many threads are to park when they return into a cell's text.
static atomic_int parking_count;

static void set_parking(bool shall_park) {
    if (ccells_self.shall_park == shall_park) return;
    ccells_self.shall_park = shall_park;
    atomic_fetch_add(&parking_count, shall_park ? 1 : -1);
}

void ccells_begin_work(int cell) {
    set_parking(false);
    ccells_self.task_cell = cell;
}

void ccells_end_work(void) {
    ccells_self.task_cell = 0;
    set_parking(false);
}

void ccells_is_gone(void) {
    pid_t self = ccells_thread_id();
    atomic_compare_exchange_strong(&ccells_newest_thread, &self, 0);
}

static _Noreturn void report_and_park(ccells_kind kind, int value, uintptr_t address, ccells_place place) {
    // First: from here on an interrupt leaves this thread alone.
    ccells_self.has_ended = true;
    ccells_is_gone();
    set_parking(false);
    ccells_send_report(kind, value, address, place);
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
    if (ccells_self.unreadable) {
        jmp_buf *unreadable = ccells_self.unreadable;
        ccells_self.unreadable = NULL;
        _longjmp(*unreadable, 1);
    }
    ucontext_t *context = pointer;
    int saved = errno;
    uintptr_t pc = program_counter(context), address = (uintptr_t)info->si_addr;
    if (signal == SIGSEGV && pc == address && ccells_cell_at(pc)) {
        if (ccells_self.shall_park) report_and_park(CCELLS_INTERRUPTED, 0, 0, place(context));
        // Another thread came by while the text was closed: it tries again when it is open.
        while (atomic_load(&texts_are_closed)) usleep(500);
        errno = saved;
        return;
    }
    if (ccells_self.is_kernels_own) {
        bool was_sent = info->si_code <= 0;
        // A cell's `kill(getpid(), SIGSEGV)` can reach any thread.
        if (was_sent && info->si_pid == getpid()) {
            pid_t thread = atomic_load(&ccells_newest_thread);
            if (thread) syscall(SYS_tgkill, getpid(), thread, signal);
            errno = saved;
            return;
        }
        // The instruction is repeated, and the process ends as it would have.
        unsigned long standard[4] = {0};
        syscall(SYS_rt_sigaction, signal, standard, NULL, 8);
        if (was_sent) syscall(SYS_tgkill, getpid(), ccells_thread_id(), signal);
        errno = saved;
        return;
    }
    bool overflow = signal == SIGSEGV && is_overflow(address, stack_pointer(context));
    report_and_park(overflow ? CCELLS_OVERFLOW : CCELLS_SIGNAL, signal, address, place(context));
}

// ---- interrupts

// What a thread is asked for.
enum { LEAVE = 1, LEAVE_AT_ONCE, LEAVE_IF_ABANDONED, LEAVE_AT_ONCE_IF_ABANDONED };

enum { MAXIMUM_CELLS = 1 << 16 };
static atomic_bool is_abandoned[MAXIMUM_CELLS];

static atomic_int asked, answered;

static bool ask(pid_t thread, int what) {
    siginfo_t info = {.si_signo = INTERRUPT, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = what;
    return !syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, INTERRUPT, &info);
}

bool ccells_is_abandoned(int cell) { return cell > 0 && cell < MAXIMUM_CELLS && atomic_load(&is_abandoned[cell]); }

static bool works_for_abandoned(const ucontext_t *context) {
    // The thread of a top level goes with its own cell.
    if (ccells_self.is_main) return ccells_is_abandoned(ccells_self.cell);
    int cell = ccells_own_cell() ? ccells_own_cell() : ccells_outermost_cell(frame_pointer(context));
    return ccells_is_abandoned(cell ? cell : ccells_cell_at(program_counter(context)));
}

static void on_interrupt(int signal, siginfo_t *info, void *pointer) {
    (void)signal;
    ucontext_t *context = pointer;
    int saved = errno, what = info->si_code == SI_QUEUE ? info->si_value.sival_int : 0;
    if (what == LEAVE_IF_ABANDONED || what == LEAVE_AT_ONCE_IF_ABANDONED) {
        bool leaves = !ccells_self.is_kernels_own && !ccells_self.has_ended && works_for_abandoned(context);
        if (leaves) set_parking(true);
        atomic_fetch_add(&answered, 1);
        what = !leaves ? 0 : what == LEAVE_AT_ONCE_IF_ABANDONED ? LEAVE_AT_ONCE : LEAVE;
    } else if (what && (!ccells_self.is_main || ccells_self.has_ended)) {
        what = 0;  // a thread reports its end once
    }
    if (what) {
        uintptr_t pc = program_counter(context);
        bool is_elsewhere = !ccells_cell_at(pc) && !is_waiting(context);
        if (!ccells_self.held && (what == LEAVE_AT_ONCE || !is_elsewhere))
            report_and_park(CCELLS_INTERRUPTED, is_elsewhere, 0, place(context));
        set_parking(true);
    }
    errno = saved;
}

bool ccells_interrupt(int thread, bool by_force) {
    if (!thread || !ask(thread, by_force ? LEAVE_AT_ONCE : LEAVE)) return false;
    if (!by_force) close_texts(true);
    return true;
}

void ccells_interrupt_done(void) { close_texts(false); }

static void ask_if_abandoned(pid_t thread) {
    if (ask(thread, LEAVE_IF_ABANDONED)) atomic_fetch_add(&asked, 1);
}

static void ask_at_once_if_abandoned(pid_t thread) {
    if (ask(thread, LEAVE_AT_ONCE_IF_ABANDONED)) atomic_fetch_add(&asked, 1);
}

void ccells_abandon(int cell) {
    if (cell > 0 && cell < MAXIMUM_CELLS) atomic_store(&is_abandoned[cell], true);
}

bool ccells_stop_abandoned(bool by_force) {
    atomic_store(&asked, 0);
    atomic_store(&answered, 0);
    ccells_visit_threads(by_force ? ask_at_once_if_abandoned : ask_if_abandoned);
    // A thread that has blocked the signal never answers.
    for (int i = 0; i < 40 && atomic_load(&answered) < atomic_load(&asked); i++) usleep(500);
    if (atomic_load(&parking_count)) {
        close_texts(true);
        for (int i = 0; i < 100 && atomic_load(&parking_count); i++) usleep(1000);
        close_texts(false);
    }
    return !atomic_load(&parking_count);
}

// ---- other signals

// Those that would end the process although nothing of the kernel's is damaged: a timer's, another program's.
static const int ending_signals[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGIO, SIGXCPU, SIGXFSZ, SIGSYS};

static _Atomic(uint64_t) waiting_signals;  // by number, a bit each

// Has a signal that came on one of the kernel's own threads go to that of a cell, or to the next cell's; and one that
// came while the thread does some of the kernel's work wait for the end of that. False where it is this thread's, now.
static bool pass_on(int signal) {
    uint64_t bit = signal < 64 ? 1ull << signal : 0;
    if (ccells_self.is_kernels_own) {
        pid_t thread = atomic_load(&ccells_newest_thread);
        if (!thread || syscall(SYS_tgkill, getpid(), thread, signal)) atomic_fetch_or(&waiting_signals, bit);
        return true;
    }
    if (ccells_self.held) ccells_self.waiting_signals |= bit;
    return ccells_self.held;
}

void ccells_take_waiting_signals(void) {
    uint64_t waiting = atomic_exchange(&waiting_signals, 0);
    for (int signal = 1; signal < 64; signal++)
        if (waiting >> signal & 1) syscall(SYS_tgkill, getpid(), ccells_thread_id(), signal);
}

static void on_ending(int signal, siginfo_t *info, void *pointer) {
    (void)info;
    int saved = errno;
    if (!pass_on(signal)) report_and_park(CCELLS_SIGNAL, signal, 0, place(pointer));
    errno = saved;
}

static void on_broken_pipe(int signal) { (void)signal; }

static struct sigaction users_actions[65];

// Stands before the handlers that cells install: on a thread of the kernel's, a trap in them would end the process.
static void on_users(int signal, siginfo_t *info, void *pointer) {
    int saved = errno;
    if (!pass_on(signal)) users_actions[signal].sa_sigaction(signal, info, pointer);
    errno = saved;
}

static atomic_int installed_in;  // the process; children that a cell forks are on their own

bool ccells_is_guarded(void) { return !ccells_self.is_kernels_own && atomic_load(&installed_in) == getpid(); }

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
    struct sigaction ending = {.sa_sigaction = on_ending, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&ending.sa_mask);
    for (unsigned i = 0; i < sizeof ending_signals / sizeof *ending_signals; i++)
        if (sigaction(ending_signals[i], &ending, NULL)) return -1;
    // Not ignored, which programs that are started would inherit: writing to a pipe that nobody reads fails with EPIPE.
    struct sigaction nothing = {.sa_handler = on_broken_pipe, .sa_flags = SA_RESTART};
    sigemptyset(&nothing.sa_mask);
    if (sigaction(SIGPIPE, &nothing, NULL)) return -1;
    struct sigaction interrupt = {.sa_sigaction = on_interrupt, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&interrupt.sa_mask);
    if (sigaction(INTERRUPT, &interrupt, NULL)) return -1;
    return event;
}

// ---- functions of the C library that would end the process

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

// The place behind the calling function's frame, which belongs to one of ours.
#define CALLER                                                                                        \
    (ccells_place){(uintptr_t)__builtin_return_address(0) - 1, *(uintptr_t *)__builtin_frame_address(0), \
        (uintptr_t)__builtin_frame_address(0) + 2 * sizeof(uintptr_t)}

static void say(const char *message) {
    size_t length = strlen(message);
    memcpy(ccells_self.message, message, length + 1);
    ccells_self.message_length = length;
}

_Noreturn void abort(void) {
    if (ccells_is_guarded()) report_and_park(CCELLS_ABORT, SIGABRT, 0, CALLER);
    REAL(abort)();
    __builtin_unreachable();
}

static _Noreturn void leave(const char *function, int code, ccells_place place) {
    if (ccells_is_guarded()) {
        say(function);
        report_and_park(CCELLS_EXIT, code, 0, place);
    }
    ((void (*)(int))next(function))(code);
    __builtin_unreachable();
}

_Noreturn void exit(int code) { leave("exit", code, CALLER); }
_Noreturn void _exit(int code) { leave("_exit", code, CALLER); }
_Noreturn void _Exit(int code) { leave("_Exit", code, CALLER); }
_Noreturn void quick_exit(int code) { leave("quick_exit", code, CALLER); }

// `Thread.exit()` is this. The top level's thread would be gone without a word.
_Noreturn void pthread_exit(void *value) {
    if (ccells_is_guarded() && ccells_self.is_main) {
        say("pthread_exit");
        report_and_park(CCELLS_EXIT, 0, 0, CALLER);
    }
    REAL(pthread_exit)(value);
    __builtin_unreachable();
}

// ---- signals that are ours: with another's handler, or blocked, a fault would end the process

static bool is_ours(int signal) {
    switch (signal) {
    case SIGILL: case SIGTRAP: case SIGSEGV: case SIGBUS: case SIGFPE: case SIGABRT: case SIGINT: case INTERRUPT:
        return true;
    default: return false;
    }
}

int sigaction(int signal, const struct sigaction *action, struct sigaction *older) {
    struct sigaction users, ending, before = users_actions[signal > 0 && signal < 65 ? signal : 0];
    bool is_users = action && signal > 0 && signal < 65 && ccells_is_guarded();
    if (is_users && is_ours(signal)) {
        action = NULL;
    } else if (is_users && action->sa_handler == SIG_DFL) {
        // "As it was": for these that is ours.
        for (unsigned i = 0; i < sizeof ending_signals / sizeof *ending_signals; i++) {
            if (ending_signals[i] != signal) continue;
            ending = *action;
            ending.sa_sigaction = on_ending;
            ending.sa_flags |= SA_SIGINFO | SA_ONSTACK;
            action = &ending;
            break;
        }
    } else if (is_users && action->sa_handler != SIG_IGN && action->sa_sigaction != on_users) {
        users = users_actions[signal] = *action;
        users.sa_sigaction = on_users;
        users.sa_flags |= SA_SIGINFO | SA_ONSTACK;
        action = &users;
    }
    int failure = REAL(sigaction)(signal, action, older);
    if (!failure && older && older->sa_sigaction == on_users) *older = before;
    return failure;
}

sighandler_t signal(int number, sighandler_t handler) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, older = {0};
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, &older) ? SIG_ERR : older.sa_handler;
}

// Whether a signal that a cell sends to its own process would end it.
static bool is_deadly(int signal) {
    switch (signal) {
    case SIGKILL: return true;
    case 0: case SIGCHLD: case SIGCONT: case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU: case SIGURG:
    case SIGWINCH: return false;
    default: break;
    }
    struct sigaction action;
    return !REAL(sigaction)(signal, NULL, &action) && action.sa_handler == SIG_DFL;
}

int kill(pid_t process, int signal) {
    if (process == getpid() && ccells_is_guarded() && is_deadly(signal))
        report_and_park(CCELLS_SIGNAL, signal, 0, CALLER);
    return REAL(kill)(process, signal);
}

int raise(int signal) {
    if (ccells_is_guarded() && is_deadly(signal)) report_and_park(CCELLS_SIGNAL, signal, 0, CALLER);
    return REAL(raise)(signal);
}

static int set_mask(const char *function, int how, const sigset_t *set, sigset_t *older) {
    sigset_t open;
    if (set && how != SIG_UNBLOCK && ccells_is_guarded()) {
        open = *set;
        for (int signal = 1; signal < 32; signal++)
            if (is_ours(signal)) sigdelset(&open, signal);
        set = &open;
    }
    return ((int (*)(int, const sigset_t *, sigset_t *))next(function))(how, set, older);
}

int sigprocmask(int how, const sigset_t *set, sigset_t *older) { return set_mask("sigprocmask", how, set, older); }
int pthread_sigmask(int how, const sigset_t *set, sigset_t *older) {
    return set_mask("pthread_sigmask", how, set, older);
}

// ---- last words

static bool is_in(const char *library, void *caller) {
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, library);
}

static void add_last_words(const char *text) {
    size_t room = CCELLS_MESSAGE - 1 - ccells_self.message_length;
    size_t length = strlen(text), taken = length < room ? length : room;
    memcpy(ccells_self.message + ccells_self.message_length, text, taken);
    ccells_self.message_length += taken;
}

// What the Swift runtime says and then goes on: "SWIFT TASK CONTINUATION MISUSE: f() leaked its continuation…"
static bool is_warning(const char *text) {
    return !strncmp(text, "SWIFT TASK", 10) || !strncasecmp(text, "warning", 7);
}

static int last_words_to = STDERR_FILENO;

void ccells_send_last_words_to(int descriptor) { last_words_to = descriptor; }

// The Swift runtime writes "Fatal error: …" to the standard error and traps, and that of C++ names the exception:
// kept for the report, where it is said once and with the cell's line. Anything else goes its way.
int fputs(const char *text, FILE *stream) {
    int (*put)(const char *, FILE *) = REAL(fputs);
    // The process is about to end: nobody would pass on what the notebook's stream gets.
    if (stream == stderr && ccells_self.is_kernels_own && is_in("libswift", __builtin_return_address(0)))
        return (int)syscall(SYS_write, last_words_to, text, strlen(text));
    if (stream != stderr || !ccells_is_guarded()) return put(text, stream);
    void *caller = __builtin_return_address(0);
    if (is_in("libstdc++", caller)) {
        // Of an exception that nobody catches, the name and the description.
        add_last_words(ccells_self.message_length ? ": " : "Uncaught C++ exception ");
    } else if (!is_in("libswift", caller) || is_warning(text)) {
        return put(text, stream);
    }
    add_last_words(text);
    return 0;
}

// ---- output that goes past the C library's streams

// C++'s `cout` and `cerr` write to the streams that the C library had at the start. What stands in their place since
// knows whose text it is.
static FILE *in_force(FILE *stream) {
    static _Atomic(void *) first_output, first_error;
    if (stream == stdout || stream == stderr) return stream;
    if (stream == ccells_real("_IO_2_1_stdout_", &first_output)) return stdout;
    return stream == ccells_real("_IO_2_1_stderr_", &first_error) ? stderr : stream;
}

size_t fwrite(const void *text, size_t size, size_t count, FILE *stream) {
    // "terminate called after throwing an instance of '": what it was is kept for the report.
    static const char beginning[] = "terminate called";
    if (stream == stderr && size * count >= sizeof beginning && !memcmp(text, beginning, sizeof beginning - 1) &&
        is_in("libstdc++", __builtin_return_address(0)) && ccells_is_guarded())
        ccells_self.is_terminating = true;
    if (stream == stderr && ccells_self.is_terminating) return count;
    return REAL(fwrite)(text, size, count, in_force(stream));
}

#undef fputc
int fputc(int character, FILE *stream) {
    if (stream == stderr && ccells_self.is_terminating) return character;
    return REAL(fputc)(character, in_force(stream));
}

#undef putc
int putc(int character, FILE *stream) { return fputc(character, stream); }

#undef fflush
int fflush(FILE *stream) { return REAL(fflush)(stream ? in_force(stream) : NULL); }

static bool (*take_output)(int cell, int descriptor, const void *text, size_t count);
static atomic_int running_cell;

void ccells_on_late_output(bool (*take)(int, int, const void *, size_t)) { take_output = take; }

void ccells_is_running(int cell) { atomic_store(&running_cell, cell); }

// What is written to descriptors 1 and 2 lands under the cell that runs. So what another one has left behind may not.
static bool is_taken(int descriptor, const void *text, size_t count) {
    if (descriptor != STDOUT_FILENO && descriptor != STDERR_FILENO) return false;
    if (!take_output || !ccells_is_guarded()) return false;
    int cell = ccells_cell_of_caller();
    return cell && cell != atomic_load(&running_cell) && take_output(cell, descriptor, text, count);
}

ssize_t write(int descriptor, const void *text, size_t count) {
    if (is_taken(descriptor, text, count)) return count;
    return REAL(write)(descriptor, text, count);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    if (descriptor != STDOUT_FILENO && descriptor != STDERR_FILENO) return REAL(writev)(descriptor, parts, count);
    ssize_t written = 0;
    for (int i = 0; i < count; i++) {
        ssize_t more = write(descriptor, parts[i].iov_base, parts[i].iov_len);
        if (more < 0) return written ? written : more;
        written += more;
        if ((size_t)more < parts[i].iov_len) break;
    }
    return written;
}
