// Where the executable text of loaded cells lies, and which cell's it is.
#define _GNU_SOURCE
#include "internal.h"

#include <stdatomic.h>
#include <sys/mman.h>

enum { MAXIMUM_TEXTS = 1 << 14 };

// The executable text of every cell, in the order of loading. Only appended to.
static struct {
    uintptr_t start, end;
    int cell;
} texts[MAXIMUM_TEXTS];
static atomic_int text_count;

// Whether cells' text cannot be executed, so that threads which are to park do when they return into it. The others wait.
atomic_bool ccells_texts_are_closed;

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

void ccells_close_texts(bool closed) {
    if (closed) atomic_store(&ccells_texts_are_closed, true);
    int count = atomic_load(&text_count), protection = closed ? PROT_READ : PROT_READ | PROT_EXEC;
    for (int i = 0; i < count; i++) mprotect((void *)texts[i].start, texts[i].end - texts[i].start, protection);
    if (!closed) atomic_store(&ccells_texts_are_closed, false);
}
