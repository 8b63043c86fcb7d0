// Signals: which handlers are installed, which thread a signal is for, and what cells may change of both.
#define _GNU_SOURCE
#include "internal.h"
#include "context.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

atomic_int ccells_newest_thread;

void ccells_is_gone(void) {
    pid_t self = ccells_thread_id();
    atomic_compare_exchange_strong(&ccells_newest_thread, &self, 0);
}

// By number, a bit each.
static void send_to_self(uint64_t signals) {
    for (int signal = 1; signal < 64; signal++)
        if (signals >> signal & 1) syscall(SYS_tgkill, getpid(), ccells_thread_id(), signal);
}

void ccells_hold(void) { ccells_self.held++; }

void ccells_release(void) {
    if (--ccells_self.held || !ccells_self.waiting_signals) return;
    uint64_t waiting = ccells_self.waiting_signals;
    ccells_self.waiting_signals = 0;
    send_to_self(waiting);
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

void ccells_take_waiting_signals(void) { send_to_self(atomic_exchange(&waiting_signals, 0)); }

static void on_ending(int signal, siginfo_t *info, void *pointer) {
    (void)info;
    int saved = errno;
    if (!pass_on(signal)) ccells_report_and_park(CCELLS_SIGNAL, signal, 0, place(pointer));
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
    struct sigaction fault = {.sa_sigaction = ccells_on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
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
    struct sigaction interrupt = {.sa_sigaction = ccells_on_interrupt, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&interrupt.sa_mask);
    if (sigaction(INTERRUPT, &interrupt, NULL)) return -1;
    return event;
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

static int set_mask(const char *function, int how, const sigset_t *set, sigset_t *older) {
    sigset_t open;
    if (set && how != SIG_UNBLOCK && ccells_is_guarded()) {
        open = *set;
        for (int signal = 1; signal < 32; signal++)
            if (is_ours(signal)) sigdelset(&open, signal);
        set = &open;
    }
    return ((int (*)(int, const sigset_t *, sigset_t *))dlsym(RTLD_NEXT, function))(how, set, older);
}

int sigprocmask(int how, const sigset_t *set, sigset_t *older) { return set_mask("sigprocmask", how, set, older); }
int pthread_sigmask(int how, const sigset_t *set, sigset_t *older) {
    return set_mask("pthread_sigmask", how, set, older);
}
