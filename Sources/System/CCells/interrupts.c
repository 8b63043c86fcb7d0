// Interrupts: how a thread is asked to park, and which of them are.
#define _GNU_SOURCE
#include "internal.h"
#include "context.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

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

// How many threads are to park when they return into a cell's text.
static atomic_int parking_count;

void ccells_set_parking(bool shall_park) {
    if (ccells_self.shall_park == shall_park) return;
    ccells_self.shall_park = shall_park;
    atomic_fetch_add(&parking_count, shall_park ? 1 : -1);
}

void ccells_begin_work(int cell) {
    ccells_set_parking(false);
    ccells_self.task_cell = cell;
}

void ccells_end_work(void) {
    ccells_self.task_cell = 0;
    ccells_set_parking(false);
}

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

void ccells_on_interrupt(int signal, siginfo_t *info, void *pointer) {
    (void)signal;
    ucontext_t *context = pointer;
    int saved = errno, what = info->si_code == SI_QUEUE ? info->si_value.sival_int : 0;
    if (what == LEAVE_IF_ABANDONED || what == LEAVE_AT_ONCE_IF_ABANDONED) {
        bool leaves = !ccells_self.is_kernels_own && !ccells_self.has_ended && works_for_abandoned(context);
        if (leaves) ccells_set_parking(true);
        atomic_fetch_add(&answered, 1);
        what = !leaves ? 0 : what == LEAVE_AT_ONCE_IF_ABANDONED ? LEAVE_AT_ONCE : LEAVE;
    } else if (what && (!ccells_self.is_main || ccells_self.has_ended)) {
        what = 0;  // a thread reports its end once
    }
    if (what) {
        uintptr_t pc = program_counter(context);
        bool is_elsewhere = !ccells_cell_at(pc) && !is_waiting(context);
        if (!ccells_self.held && (what == LEAVE_AT_ONCE || !is_elsewhere))
            ccells_report_and_park(CCELLS_INTERRUPTED, is_elsewhere, 0, place(context));
        ccells_set_parking(true);
    }
    errno = saved;
}

bool ccells_interrupt(int thread, bool by_force) {
    if (!thread || !ask(thread, by_force ? LEAVE_AT_ONCE : LEAVE)) return false;
    if (!by_force) ccells_close_texts(true);
    return true;
}

void ccells_interrupt_done(void) { ccells_close_texts(false); }

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
        ccells_close_texts(true);
        for (int i = 0; i < 100 && atomic_load(&parking_count); i++) usleep(1000);
        ccells_close_texts(false);
    }
    return !atomic_load(&parking_count);
}
