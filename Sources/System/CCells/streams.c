// The lock of the standard output. `print` holds it while it calls `description`, and a thread that is parked in there
// would leave every later `print` waiting: this lock is forgotten when its owner is parked.
#define _GNU_SOURCE
#include "internal.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int owner;  // a thread's id, or 0
static int depth;         // of the owner
static atomic_int waiting;  // threads; one that is parked meanwhile counts for ever, which costs system calls

static pid_t self(void) {
    static _Thread_local pid_t id;
    if (!id) id = (pid_t)syscall(SYS_gettid);
    return id;
}

static void wake(void) {
    if (atomic_load(&waiting)) syscall(SYS_futex, &owner, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void flockfile(FILE *stream) {
    if (stream != stdout) {
        REAL(flockfile)(stream);
        return;
    }
    int expected = 0;
    while (!atomic_compare_exchange_strong(&owner, &expected, self())) {
        if (expected == self()) break;
        atomic_fetch_add(&waiting, 1);
        syscall(SYS_futex, &owner, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
        atomic_fetch_sub(&waiting, 1);
        expected = 0;
    }
    // Behind here lie frames of the C library, which keep no frame pointers: whose text it is can be seen only now.
    if (!depth++ && !ccells_self.cell && !ccells_self.is_kernels_own)
        ccells_self.printing = ccells_outermost_cell((uintptr_t)__builtin_frame_address(0));
}

void funlockfile(FILE *stream) {
    if (stream != stdout) {
        REAL(funlockfile)(stream);
        return;
    }
    if (atomic_load(&owner) != self() || --depth > 0) return;
    ccells_self.printing = 0;
    atomic_store(&owner, 0);
    wake();
}

void ccells_forget_stream_locks(void) {
    if (atomic_load(&owner) != self()) return;
    depth = 0;
    atomic_store(&owner, 0);
    wake();
}
