// Loading cells: dlopen, and where the text came to lie.
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

typedef struct {
    const char *path;
    int cell;
} loaded;

static int note_text(struct dl_phdr_info *info, size_t size, void *pointer) {
    (void)size;
    const loaded *given = pointer;
    if (!info->dlpi_name || strcmp(info->dlpi_name, given->path)) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        ccells_add_text(start & ~4095ul, (start + segment->p_memsz + 4095) & ~4095ul, given->cell);
    }
    return 1;
}

void *ccells_load(const char *path, int cell) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    loaded given = {path, cell};
    if (handle) dl_iterate_phdr(note_text, &given);
    return handle;
}

const char *ccells_file_of(uintptr_t address, uintptr_t *base) {
    Dl_info info;
    if (!dladdr((void *)address, &info)) return NULL;
    *base = (uintptr_t)info.dli_fbase;
    return info.dli_fname;
}

const char *ccells_symbol_at(uintptr_t address) {
    Dl_info info;
    return dladdr((void *)address, &info) && info.dli_saddr == (void *)address ? info.dli_sname : NULL;
}

static void (*on_error)(const void *);

void ccells_on_error(void (*handler)(const void *)) { on_error = handler; }

// Takes the place of the Swift runtime's, which ends the process: called with the error that left a script's top level.
__attribute__((swiftcall)) void swift_errorInMain(const void *error) {
    if (on_error) on_error(error);
    ccells_leave_top_level();
}
