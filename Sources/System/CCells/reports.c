// Reports from parked threads to the kernel: a ring that a signal handler can write to.
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOTS = 64 };

static struct {
    atomic_int state;  // 0 free, 1 being written, 2 ready
    unsigned long number;
    ccells_report report;
} slots[SLOTS];

static atomic_ulong next_number;
static int event = -1;

int ccells_open_event(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int ccells_open_reports(void) { return event = ccells_open_event(); }

// Not by process_vm_readv, which sandboxes refuse: the fault handler comes back here.
bool ccells_read_word(uintptr_t address, uintptr_t *word) {
    jmp_buf unreadable;
    if (_setjmp(unreadable)) return false;
    ccells_self.unreadable = &unreadable;
    *word = *(const volatile uintptr_t *)address;
    ccells_self.unreadable = NULL;
    return true;
}

// Whether a word of the stack may be where a call in a cell's text returns to.
static bool is_return_address(uintptr_t word) {
    if (!ccells_cell_at(word - 1)) return false;
#if defined(__x86_64__)
    const unsigned char *code = (const unsigned char *)word;
    // call rel32; call [rip + rel32]; call through a register or memory
    return code[-5] == 0xe8 || (code[-6] == 0xff && code[-5] == 0x15) || (code[-2] == 0xff && (code[-1] & 0x38) == 0x10) ||
        (code[-3] == 0xff && (code[-2] & 0x38) == 0x10);
#else
    return true;
#endif
}

// Follows the frame pointers, which Swift and our C keep, and stops where they stop making sense.
static int walk(ccells_place place, uintptr_t *frames) {
    int count = 0;
    memset(frames, 0, 2 * sizeof *frames);
    uintptr_t frame = place.frame;
    if (place.pc) frames[count++] = place.pc;
    // Functions of the C library keep none: the call in the cell that led there is found on the stack. Its address is the
    // uppermost below the cell's own frame; what earlier calls have left lies below.
    if (place.stack && !ccells_cell_at(place.pc)) {
        uintptr_t word;
        if (frame > place.stack && frame - place.stack < 1 << 16) {
            for (uintptr_t at = (frame - 1) & ~(sizeof word - 1); at >= place.stack; at -= sizeof word)
                if (ccells_read_word(at, &word) && is_return_address(word)) {
                    frames[count++] = word - 1;
                    break;
                }
        } else {
            // They may also use the register for something else (C++'s runtime does). Then the lowest such address is
            // the call, and the first frame of a caller that looks like one goes on.
            frame = 0;
            uintptr_t at = place.stack & ~(sizeof word - 1), end = at + (1 << 16);
            for (; at < end && ccells_read_word(at, &word) && !frames[count]; at += sizeof word)
                if (is_return_address(word)) frames[count] = word - 1;
            if (frames[count]) {
                count++;
                for (; at < end && ccells_read_word(at, &word) && !frame; at += sizeof word) {
                    uintptr_t back;
                    if (word > at && word - at < 1 << 16 && ccells_read_word(at + sizeof word, &back) &&
                        is_return_address(back))
                        frame = at;
                }
            }
        }
    }
    while (count < CCELLS_FRAMES && frame && frame % sizeof(uintptr_t) == 0) {
        uintptr_t next, back;
        if (!ccells_read_word(frame, &next) || !ccells_read_word(frame + sizeof(uintptr_t), &back) || back < 4096) break;
        frames[count++] = back - 1;  // into the call, not behind it
        if (next <= frame) break;
        frame = next;
    }
    return count;
}

void ccells_send_report(ccells_kind kind, int value, uintptr_t address, ccells_place place) {
    for (int i = 0; i < SLOTS; i++) {
        int expected = 0;
        if (!atomic_compare_exchange_strong(&slots[i].state, &expected, 1)) continue;
        ccells_report *report = &slots[i].report;
        report->kind = kind;
        // The end of a top level is for its own cell, whoever's task it had taken on.
        report->cell = ccells_self.is_main ? ccells_self.cell : ccells_own_cell();
        report->is_main = ccells_self.is_main;
        report->thread = ccells_thread_id();
        report->value = value;
        report->address = address;
        report->frame_count = kind == CCELLS_RETURNED ? 0 : walk(place, report->frames);
        report->lock_count = ccells_self.lock_count;
        report->in_library = kind == CCELLS_INTERRUPTED && value;
        report->access_count = ccells_self.access_count;
        for (int k = 0; k < report->access_count; k++) report->accesses[k] = (uintptr_t)ccells_self.accesses[k].variable;
        memcpy(report->message, ccells_self.message, ccells_self.message_length);
        report->message[ccells_self.message_length] = 0;
        slots[i].number = atomic_fetch_add(&next_number, 1);
        atomic_store(&slots[i].state, 2);
        break;
    }
    // With every slot taken, 64 threads have faulted since the kernel last looked: the cell is reported as failed already.
    uint64_t one = 1;
    while (syscall(SYS_write, event, &one, sizeof one) < 0 && errno == EINTR) {}
}

bool ccells_take_report(ccells_report *report) {
    int oldest = -1;
    for (int i = 0; i < SLOTS; i++)
        if (atomic_load(&slots[i].state) == 2 && (oldest < 0 || slots[i].number < slots[oldest].number)) oldest = i;
    if (oldest < 0) return false;
    *report = slots[oldest].report;
    atomic_store(&slots[oldest].state, 0);
    return true;
}

void ccells_park(void) {
    ccells_forget_stream_locks();
    ccells_remove_thread();
    // Not the C library's function: ours keeps the signals open that every thread has to hear.
    unsigned long all[2] = {~0ul, ~0ul};
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, all, NULL, 8);
    // pause() in a form that arm64 has too.
    for (;;) syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}
