// What a type's conformance to a protocol consists of at run time, and how a newer one takes an older one's place.
#define _GNU_SOURCE
#include "internal.h"

#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

typedef struct {
    const char *path, *ending;
    void (*found)(const char *symbol, const void *address, void *context);
    void *context;
} search;

static int search_image(struct dl_phdr_info *info, size_t size, void *pointer) {
    (void)size;
    const search *wanted = pointer;
    if (!info->dlpi_name || strcmp(info->dlpi_name, wanted->path)) return 0;
    const ElfW(Dyn) *entry = NULL;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    const ElfW(Sym) *symbols = NULL;
    const char *strings = NULL;
    const uint32_t *hash = NULL;
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB) symbols = (const void *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_STRTAB) strings = (const void *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_HASH) hash = (const void *)entry->d_un.d_ptr;
    }
    if (!symbols || !strings || !hash) return 1;
    for (uint32_t i = 0; i < hash[1]; i++) {  // nchain: as many as there are symbols
        const char *name = strings + symbols[i].st_name;
        size_t length = strlen(name), ending = strlen(wanted->ending);
        if (symbols[i].st_shndx != SHN_UNDEF && length > ending && !strcmp(name + length - ending, wanted->ending))
            wanted->found(name, (const void *)(info->dlpi_addr + symbols[i].st_value), wanted->context);
    }
    return 1;
}

void ccells_symbols(
    const char *path, const char *ending, void (*found)(const char *symbol, const void *address, void *context),
    void *context) {
    search wanted = {path, ending, found, context};
    dl_iterate_phdr(search_image, &wanted);
}

// TargetProtocolConformanceDescriptor, TargetTypeContextDescriptor and TargetProtocolDescriptor of the runtime's
// Metadata.h: pointers are 32-bit distances from where they stand.
typedef struct {
    int32_t protocol;  // the lowest bit: to a pointer
    int32_t type;
    int32_t table;
    uint32_t flags;
} conformance;
typedef struct {
    uint32_t flags;
    int32_t parent, name, access;
} type_context;
typedef struct {
    uint32_t flags;
    int32_t parent, name;
    uint32_t signature_requirements, requirements;
} protocol_context;
typedef struct {
    const void *metadata;
    size_t state;
} metadata_response;

static const void *follow(const int32_t *distance, bool is_indirect) {
    const char *target = (const char *)distance + (*distance & ~1);
    return is_indirect ? *(const void *const *)target : target;
}

extern const void *const *swift_getWitnessTable(const void *conformance, const void *type, const void *const *arguments);

bool ccells_replace_conformance(const void *older, const void *newer) {
    const conformance *descriptor = newer;
    unsigned kind = (descriptor->flags >> 3) & 7;
    // Conditions and generic types have a table for each type that they were used with.
    if (kind > 1 || (descriptor->flags >> 8) & 0xff) return false;
    const type_context *type = follow(&descriptor->type, kind == 1);
    if (type->flags & 0x80) return false;
    const protocol_context *protocol = follow(&descriptor->protocol, descriptor->protocol & 1);
    metadata_response (*access)(size_t) __attribute__((swiftcall)) = follow(&type->access, false);
    const void *metadata = access(0).metadata;
    _Atomic(const void *) *old_table = (void *)swift_getWitnessTable(older, metadata, NULL);
    const void *const *new_table = swift_getWitnessTable(newer, metadata, NULL);
    if (!old_table || !new_table) return false;
    // The first word is the descriptor; a requirement each follows. It may lie among what became read-only at loading.
    uintptr_t start = (uintptr_t)old_table & ~4095ul;
    uintptr_t end = ((uintptr_t)(old_table + 1 + protocol->requirements) + 4095) & ~4095ul;
    if (mprotect((void *)start, end - start, PROT_READ | PROT_WRITE)) return false;
    for (uint32_t i = 1; i <= protocol->requirements; i++) atomic_store(&old_table[i], new_table[i]);
    return true;
}
