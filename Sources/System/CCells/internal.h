// Shared by the C files of this folder; not a part of the module.
#ifndef CCELLS_INTERNAL_H
#define CCELLS_INTERNAL_H

#include "CCells.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

typedef struct {
    void *variable;
    void *buffer;  // tells the access from others
} ccells_access;

// What a thread is. Threads inherit it from the one that starts them.
typedef struct {
    bool is_kernels_own;
    bool is_main;
    int cell;
    int task_cell;    // of whose task it runs a part, on a thread that runs those of all cells; else 0
    bool is_listed;   // among those that do the work of cells
    char message[CCELLS_MESSAGE];
    int message_length;
    int access_count;  // of changes under way, of which the outermost are kept
    ccells_access accesses[CCELLS_ACCESSES];
    uintptr_t stack_low, stack_high;
    jmp_buf *thrown;  // where the top level's thread goes on when an error has left it
    jmp_buf *volatile unreadable;  // where reading goes on when there is no memory at the address
    int held;         // it must not be parked while this is not 0
    int printing;     // the outermost cell in the calls of a `print` under way, where `cell` is 0
    int lock_count;   // of the mutexes that it holds
    uint64_t waiting_signals;  // that came while it was held; by number, a bit each
    bool is_terminating;  // C++'s runtime tells why it is about to call abort()
    bool has_ended;   // it has reported its end
    bool shall_park;  // as soon as it returns into a cell's text
} ccells_thread;

extern _Thread_local ccells_thread ccells_self;

// Sets an alternate signal stack for the calling thread, so that the handler can run when the stack is used up.
void ccells_set_alternate_stack(void);
// Notes the bounds of the calling thread's stack.
void ccells_note_stack(void);
// Ends the top level that the calling thread runs, as if it had returned.
_Noreturn void ccells_leave_top_level(void);

// Writes a report for the calling thread. Safe in a signal handler.
typedef struct {
    uintptr_t pc, frame, stack;  // 0 where not known
} ccells_place;
void ccells_send_report(ccells_kind kind, int value, uintptr_t address, ccells_place place);
// Opens the descriptor that becomes readable with each report, or returns -1 with errno set.
int ccells_open_reports(void);
// Writes a report and stops the calling thread for good. Safe in a signal handler.
_Noreturn void ccells_report_and_park(ccells_kind kind, int value, uintptr_t address, ccells_place place);

// Gives up the standard output's lock if the calling thread holds it. Safe in a signal handler.
void ccells_forget_stream_locks(void);

// Stops the calling thread for good.
_Noreturn void ccells_park(void);

// Notes whole pages of a cell's executable text.
void ccells_add_text(uintptr_t start, uintptr_t end, int cell);
// Takes the execute permission from all cells' text, or gives it back.
void ccells_close_texts(bool closed);
extern atomic_bool ccells_texts_are_closed;

// The outermost cell in the calling thread's calls, from the frame pointer of one of its functions on; 0 where none is.
int ccells_outermost_cell(uintptr_t frame);
// The cell whose work the calling thread does, where that is known without its calls; else 0.
static inline int ccells_own_cell(void) { return ccells_self.task_cell ? ccells_self.task_cell : ccells_self.cell; }
// Keeps the ids of the threads that do the work of cells.
void ccells_add_thread(void);
void ccells_remove_thread(void);
// Calls `visit` with each of them.
void ccells_visit_threads(void (*visit)(pid_t thread));

// The signal by which threads are asked to park.
enum { INTERRUPT = SIGUSR2 };
// The handlers of it and of faults.
void ccells_on_interrupt(int signal, siginfo_t *info, void *context);
void ccells_on_fault(int signal, siginfo_t *info, void *context);
// Notes whether the calling thread is to park when it returns into a cell's text.
void ccells_set_parking(bool shall_park);

// The thread that a signal for the whole process is meant for: that of the newest top level.
extern atomic_int ccells_newest_thread;
// Notes that the calling thread takes no signals any more.
void ccells_is_gone(void);
// Lets the calling thread have what signals have come while no cell's thread was there.
void ccells_take_waiting_signals(void);

// The C library's own function where we have one of that name: REAL(write)(1, text, 3). Looked up once at each place.
void *ccells_real(const char *name, _Atomic(void *) *known);
#define REAL(name)                                                     \
    ({                                                                 \
        static _Atomic(void *) known;                                  \
        (__typeof__(&name))ccells_real(#name, &known);                 \
    })

// Whether what would end the process shall cost the calling thread only.
bool ccells_is_guarded(void);

#endif
