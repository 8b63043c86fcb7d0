// Functions of the C library that would end the process.
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    if (ccells_is_guarded()) ccells_report_and_park(CCELLS_ABORT, SIGABRT, 0, CALLER);
    REAL(abort)();
    __builtin_unreachable();
}

static _Noreturn void leave(const char *function, int code, ccells_place place) {
    if (ccells_is_guarded()) {
        say(function);
        ccells_report_and_park(CCELLS_EXIT, code, 0, place);
    }
    ((void (*)(int))dlsym(RTLD_NEXT, function))(code);
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
        ccells_report_and_park(CCELLS_EXIT, 0, 0, CALLER);
    }
    REAL(pthread_exit)(value);
    __builtin_unreachable();
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
        ccells_report_and_park(CCELLS_SIGNAL, signal, 0, CALLER);
    return REAL(kill)(process, signal);
}

int raise(int signal) {
    if (ccells_is_guarded() && is_deadly(signal)) ccells_report_and_park(CCELLS_SIGNAL, signal, 0, CALLER);
    return REAL(raise)(signal);
}
