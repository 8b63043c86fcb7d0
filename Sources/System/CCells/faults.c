// Faults: what becomes of a thread that traps, uses its stack up or reads memory that is not there.
#define _GNU_SOURCE
#include "internal.h"
#include "context.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Gives back the pages below the oldest megabyte: what lies there belongs to the calls that used the stack up. 100
// overflowed stacks held 820 MB.
static void give_back_stack(void) {
    uintptr_t keep = ccells_self.stack_high - (1 << 20);
    uintptr_t low = (ccells_self.stack_low + 4095) & ~4095ul;
    keep &= ~4095ul;
    if (keep > low) madvise((void *)low, keep - low, MADV_DONTNEED);
}

_Noreturn void ccells_report_and_park(ccells_kind kind, int value, uintptr_t address, ccells_place place) {
    // First: from here on an interrupt leaves this thread alone.
    ccells_self.has_ended = true;
    ccells_is_gone();
    ccells_set_parking(false);
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

void ccells_on_fault(int signal, siginfo_t *info, void *pointer) {
    if (ccells_self.unreadable) {
        jmp_buf *unreadable = ccells_self.unreadable;
        ccells_self.unreadable = NULL;
        _longjmp(*unreadable, 1);
    }
    ucontext_t *context = pointer;
    int saved = errno;
    uintptr_t pc = program_counter(context), address = (uintptr_t)info->si_addr;
    if (signal == SIGSEGV && pc == address && ccells_cell_at(pc)) {
        if (ccells_self.shall_park) ccells_report_and_park(CCELLS_INTERRUPTED, 0, 0, place(context));
        // Another thread came by while the text was closed: it tries again when it is open.
        while (atomic_load(&ccells_texts_are_closed)) usleep(500);
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
    ccells_report_and_park(overflow ? CCELLS_OVERFLOW : CCELLS_SIGNAL, signal, address, place(context));
}
