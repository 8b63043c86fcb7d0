// The thunks of CCUDA.h: each looks its symbol up once, when it is first called.
#define _GNU_SOURCE
#include "CCUDA.h"
#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>

static _Atomic(void *) libraries[LAB_LIBRARY_COUNT];
static _Thread_local const char *missing;

#define POINTER(library, name, parameters, arguments) static _Atomic(void *) name##_pointer;
LAB_FUNCTIONS(POINTER)

static void *look_up(LabLibrary library, const char *name, _Atomic(void *) *pointer) {
    void *handle = atomic_load_explicit(&libraries[library], memory_order_acquire);
    void *found = handle ? dlsym(handle, name) : NULL;
    // Two threads may both look; they find the same.
    if (found) atomic_store_explicit(pointer, found, memory_order_release);
    else missing = name;
    return found;
}

#define THUNK(library, name, parameters, arguments) \
    int lab_##name parameters { \
        void *target = atomic_load_explicit(&name##_pointer, memory_order_acquire); \
        if (!target) target = look_up(library, #name, &name##_pointer); \
        return target ? ((int(*) parameters)target) arguments : LAB_FUNCTION_MISSING; \
    }
LAB_FUNCTIONS(THUNK)

void lab_use_library(LabLibrary library, void *handle) {
#define FORGET(owner, name, parameters, arguments) \
    if (owner == library) atomic_store_explicit(&name##_pointer, NULL, memory_order_release);
    LAB_FUNCTIONS(FORGET)
    atomic_store_explicit(&libraries[library], handle, memory_order_release);
}

const char *lab_missing_function(void) { return missing; }

const char *lab_library_path(void *handle) {
    struct link_map *map = NULL;
    return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : NULL;
}
