// What a thread is changing. The compiler brackets every change of a global variable, of a class's property and of what
// a closure has captured with two calls of the runtime; when the thread is parked in between, the variable may be
// damaged, and the report can name it.
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

enum { MODIFY = 1 };  // ExclusivityFlags in the runtime's MetadataValues.h

typedef void (*begin_function)(void *, void *, uintptr_t, void *);
typedef void (*end_function)(void *);

// Both take the place of the runtime's, and call them.
void swift_beginAccess(void *pointer, void *buffer, uintptr_t flags, void *pc) {
    static _Atomic(begin_function) real;
    begin_function begin = atomic_load_explicit(&real, memory_order_relaxed);
    if (!begin) atomic_store(&real, begin = (begin_function)dlsym(RTLD_NEXT, "swift_beginAccess"));
    begin(pointer, buffer, flags, pc ? pc : __builtin_return_address(0));
    if (!(flags & MODIFY) || ccells_self.is_kernels_own) return;
    // What is not kept is not counted either: its end finds nothing to take back.
    if (ccells_self.access_count < CCELLS_ACCESSES)
        ccells_self.accesses[ccells_self.access_count++] = (ccells_access){pointer, buffer};
}

void swift_endAccess(void *buffer) {
    static _Atomic(end_function) real;
    end_function end = atomic_load_explicit(&real, memory_order_relaxed);
    if (!end) atomic_store(&real, end = (end_function)dlsym(RTLD_NEXT, "swift_endAccess"));
    for (int i = ccells_self.access_count - 1; i >= 0; i--) {
        if (ccells_self.accesses[i].buffer != buffer) continue;
        int later = --ccells_self.access_count - i;
        memmove(&ccells_self.accesses[i], &ccells_self.accesses[i + 1], later * sizeof(ccells_access));
        break;
    }
    end(buffer);
}
