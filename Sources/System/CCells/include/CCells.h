// What running cells needs and Swift cannot say: signal handlers, thread starts, and functions of the C library that a
// cell must not take the process along with.
//
// A thread that faults in a cell's work is parked: it stops for good where it stands, nothing is unwound, and a report
// tells the kernel why. The process and every other thread go on.
#ifndef CCELLS_H
#define CCELLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CCELLS_FRAMES = 128,
    CCELLS_MESSAGE = 4096,
    CCELLS_ACCESSES = 16,
};

typedef enum {
    CCELLS_RETURNED,     // the cell's entry point came back
    CCELLS_SIGNAL,       // a trap or a fault; the thread is parked
    CCELLS_OVERFLOW,     // its stack was used up; the thread is parked
    CCELLS_ABORT,        // abort() was called; the thread is parked
    CCELLS_EXIT,         // exit() was called; the thread is parked
    CCELLS_INTERRUPTED,  // parked because the user asked for it
} ccells_kind;

typedef struct {
    ccells_kind kind;
    int cell;            // which cell's work the thread did; 0 where that is not known
    bool is_main;        // the thread that ran the cell's top level
    pid_t thread;        // its id in the kernel (gettid)
    int value;           // the signal, or the exit code
    uintptr_t address;   // what a memory fault was about
    int frame_count;
    uintptr_t frames[CCELLS_FRAMES];  // program counters, innermost first
    int access_count;
    uintptr_t accesses[CCELLS_ACCESSES];  // the variables that the thread was changing
    int lock_count;                   // of the mutexes that the thread holds
    bool in_library;                  // interrupted by force, inside a library's call
    char message[CCELLS_MESSAGE];     // what the Swift runtime had to say; the function's name, where one was called
} ccells_report;

// Installs the signal handlers, and marks the calling thread and all that it starts from now on as the kernel's own:
// a fault on those ends the process as usual. Returns the descriptor (an eventfd) that becomes readable with each
// report, or -1 with errno set. Once a process.
int ccells_install(void);

// Takes the oldest report that has not been taken yet; false when there is none.
bool ccells_take_report(ccells_report *report);

// Starts a thread with a stack of `stack_size` bytes on which `body` runs, which is to call `ccells_enter`. Every
// thread that it starts counts as the cell's. Its id in the kernel (gettid) is written to `thread`. Returns 0, or an error
// number.
int ccells_start(void (*body)(void *), void *argument, int cell, size_t stack_size, int *thread);

typedef int (*ccells_entry)(int argc, char **argv);

// Runs a cell's top level on the thread that `ccells_start` made. Returns also when an error has left it.
void ccells_enter(ccells_entry entry);

// Starts a thread that does the work of cells, of whichever is running: it runs `work` and ends. Returns 0, or an error
// number.
int ccells_start_worker(void (*work)(void *), void *argument);

// The calling thread's id in the kernel (gettid).
pid_t ccells_thread_id(void);

// A number that only grows, and that threads can wait on. No lock is held while waiting, so a waiting thread can be
// parked without harm.
int ccells_generation(const int *word);
void ccells_advance(int *word);
// Waits until the number is another than `seen`, or `nanoseconds` have passed; -1 for no limit.
void ccells_wait(const int *word, int seen, int64_t nanoseconds);

// The cell whose work the calling thread does; 0 for the kernel's own threads.
int ccells_current_cell(void);

// The same, also on a thread that serves every cell (Dispatch's): there the outermost cell in its calls.
int ccells_cell_of_caller(void);

// Between these two calls, which nest, the calling thread is not parked: it holds locks of the kernel's.
void ccells_hold(void);
void ccells_release(void);

// Loads a cell's shared object, its names open to later ones, and notes where its text lies. Returns dlopen's handle, or
// NULL with the reason in dlerror().
void *ccells_load(const char *path, int cell);

// Calls `found` with each symbol that a loaded object defines and whose mangled name ends so. "Mc": the descriptor of a
// conformance to a protocol.
void ccells_symbols(
    const char *path, const char *ending, void (*found)(const char *symbol, const void *address, void *context),
    void *context);

// Has an older conformance of a type to a protocol do what a newer one does. False where something of the older one is
// still in force, because the protocol did it and not a cell.
bool ccells_replace_conformance(const void *older, const void *newer);

// The name of the property that lies at an address in an object of a Swift class, and the symbol of its class's descriptor;
// NULL where none is found.
const char *ccells_property_at(uintptr_t address, const char **type);

// Reads a word of the process's own memory. False where there is none.
bool ccells_read_word(uintptr_t address, uintptr_t *word);

// The loaded cell in whose text an address lies; 0 where it lies in none.
int ccells_cell_at(uintptr_t address);

// Asks a thread that runs a top level to park: at once if it executes a cell's text or waits in a system call that can
// be interrupted. Else it parks as soon as it returns into a cell's text; with `by_force` wherever it is. To be called
// again until the thread reports. Returns false when there is no such thread.
bool ccells_interrupt(int thread, bool by_force);

// Ends the waiting for a return that `ccells_interrupt` began.
void ccells_interrupt_done(void);

// Notes that nothing of a cell is to run any more.
void ccells_abandon(int cell);
bool ccells_is_abandoned(int cell);

// Parks the threads that do the work of cells so noted: like `ccells_interrupt`, and with up to 100 ms for those that are
// in a library's call to come back. False where some have not. By one thread at a time.
bool ccells_stop_abandoned(bool by_force);

// Called by a thread that does the work of all cells before it takes up something new, and after: a part of a task of
// that cell, or 0.
void ccells_begin_work(int cell);
void ccells_end_work(void);

// What is called when a thread of another cell than the one that runs writes to the standard output or error past the C
// library. It returns whether it took the text.
void ccells_on_late_output(bool (*take)(int cell, int descriptor, const void *text, size_t count));
// Where the Swift runtime's last words go when a thread of the kernel's own fails.
void ccells_send_last_words_to(int descriptor);

// Notes which cell runs, or ran last.
void ccells_is_running(int cell);

// The file that an address was loaded from, and where that file begins in memory; NULL where none was.
const char *ccells_file_of(uintptr_t address, uintptr_t *base);

// The symbol that begins at an address, mangled; NULL where none does.
const char *ccells_symbol_at(uintptr_t address);

// Opens a descriptor that counts what is written to it (an eventfd); -1 with errno set.
int ccells_open_event(void);

// Tells that the calling thread will run other things than its cell's top level from now on, which waits: an error that
// leaves the top level does not come back here.
void ccells_top_level_waits(void);

// What is called when an error leaves a cell's top level: the error as a Swift object, borrowed.
void ccells_on_error(void (*handler)(const void *error));

#endif
