// What a type's conformance to a protocol consists of at run time, and how a newer one takes an older one's place.
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
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

static bool open_for_writing(const void *start, size_t size, int protection) {
    uintptr_t low = (uintptr_t)start & ~4095ul, high = ((uintptr_t)start + size + 4095) & ~4095ul;
    return !mprotect((void *)low, high - low, protection);
}

// Has whoever calls one function come to another one.
static bool lead_to(const void *older, const void *newer) {
#if defined(__x86_64__)
    // jmp rel32, written at once: functions begin at multiples of 16.
    intptr_t distance = (const char *)newer - ((const char *)older + 5);
    if (distance != (int32_t)distance || (uintptr_t)older % 8) return false;
    uint64_t code;
    memcpy(&code, older, sizeof code);
    code = (code & 0xffffff0000000000) | (uint64_t)(uint32_t)distance << 8 | 0xe9;
    int open = PROT_READ | PROT_WRITE | PROT_EXEC;
#elif defined(__aarch64__)
    // b rel26
    intptr_t distance = (const char *)newer - (const char *)older;
    if (distance >= 1 << 27 || distance < -(1 << 27)) return false;
    uint32_t code = 0x14000000 | ((distance >> 2) & 0x3ffffff);
    int open = PROT_READ | PROT_WRITE | PROT_EXEC;
#endif
    if (!open_for_writing(older, sizeof code, open)) return false;
    __atomic_store_n((__typeof__(code) *)older, code, __ATOMIC_SEQ_CST);
    __builtin___clear_cache((char *)older, (char *)older + sizeof code);
    return open_for_writing(older, sizeof code, PROT_READ | PROT_EXEC);
}

// What a protocol requires (TargetProtocolRequirement): behind the protocol's own fields and its conditions, which are
// of 12 bytes.
typedef struct {
    uint32_t flags;
    int32_t standard;
} requirement;
enum { METHOD = 1, MODIFY = 6, KIND = 0x0f, IS_ASYNC = 0x20 };

// Where an asynchronous function begins, from here, and how much memory a call of it takes.
typedef struct {
    int32_t entry;
    uint32_t size;
} async_function;

enum { IS_RETROACTIVE = 1 << 6, HAS_RESILIENT_WITNESSES = 1 << 16, MAXIMUM_WITNESSES = 256 };

typedef struct {
    const requirement *requirement;
    const void *function;
} witness;

// What a conformance does for each requirement: in a table, or, where the protocol's library may come to require more
// (Swift's own), in a list behind the descriptor's other parts.
static int witnesses(const conformance *descriptor, const protocol_context *protocol, witness *found) {
    int count = 0;
    if (descriptor->flags & HAS_RESILIENT_WITNESSES) {
        const int32_t *word = (const int32_t *)(descriptor + 1);
        if (descriptor->flags & IS_RETROACTIVE) word++;
        word += 3 * (descriptor->flags >> 8 & 0xff);
        if (descriptor->flags >> 24) return 0;  // conditions on parameter packs
        uint32_t listed = (uint32_t)*word++;
        for (uint32_t i = 0; i < listed && count < MAXIMUM_WITNESSES; i++, word += 2)
            found[count++] = (witness){follow(word, *word & 1), word[1] ? follow(word + 1, false) : NULL};
        return count;
    }
    if (!descriptor->table) return 0;
    const requirement *requirements =
        (const void *)((const char *)(protocol + 1) + 4 + 12 * (size_t)protocol->signature_requirements);
    const void *const *table = follow(&descriptor->table, false);
    for (uint32_t i = 0; i < protocol->requirements && count < MAXIMUM_WITNESSES; i++)
        found[count++] = (witness){&requirements[i], table[i + 1]};
    return count;
}

static bool is_in_image_of(const void *address, const void *other) {
    Dl_info first, second;
    return dladdr(address, &first) && dladdr(other, &second) && first.dli_fbase == second.dli_fbase;
}

// The tables of a generic type, or of a conformance with conditions, are many, made when they are first asked for, and
// all lead to the same functions: these are led on to the newer ones.
static bool replace_functions(const conformance *older, const conformance *newer, const protocol_context *protocol) {
    witness from[MAXIMUM_WITNESSES], to[MAXIMUM_WITNESSES];
    int old_count = witnesses(older, protocol, from), new_count = witnesses(newer, protocol, to), replaced = 0;
    for (int i = 0; i < old_count; i++) {
        unsigned kind = from[i].requirement->flags & KIND;
        // What the protocol itself does where a type does not is not a cell's to change.
        if (kind < METHOD || kind > MODIFY || !from[i].function || !is_in_image_of(from[i].function, older)) continue;
        for (int k = 0; k < new_count; k++) {
            if (to[k].requirement != from[i].requirement || !to[k].function) continue;
            if (!(from[i].requirement->flags & IS_ASYNC)) {
                replaced += lead_to(from[i].function, to[k].function);
                break;
            }
            const async_function *older_call = from[i].function, *newer_call = to[k].function;
            const char *entry = (const char *)newer_call + newer_call->entry;
            async_function changed = {(int32_t)(entry - (const char *)older_call), newer_call->size};
            uint64_t word;
            memcpy(&word, &changed, sizeof word);
            if (open_for_writing(older_call, sizeof word, PROT_READ | PROT_WRITE)) {
                memcpy((void *)older_call, &word, sizeof word);
                replaced++;
            }
            break;
        }
    }
    return replaced > 0;
}

bool ccells_replace_conformance(const void *older, const void *newer) {
    const conformance *descriptor = newer;
    unsigned kind = (descriptor->flags >> 3) & 7;
    const protocol_context *protocol = follow(&descriptor->protocol, descriptor->protocol & 1);
    bool has_conditions = (descriptor->flags >> 8) & 0xff;
    const type_context *type = kind > 1 ? NULL : follow(&descriptor->type, kind == 1);
    if (!type || has_conditions || type->flags & 0x80) return replace_functions(older, newer, protocol);
    metadata_response (*access)(size_t) __attribute__((swiftcall)) = follow(&type->access, false);
    const void *metadata = access(0).metadata;
    _Atomic(const void *) *old_table = (void *)swift_getWitnessTable(older, metadata, NULL);
    const void *const *new_table = swift_getWitnessTable(newer, metadata, NULL);
    if (!old_table || !new_table) return false;
    // The first word is the descriptor; a requirement each follows. It may lie among what became read-only at loading.
    size_t size = (1 + protocol->requirements) * sizeof *old_table;
    if (!open_for_writing(old_table, size, PROT_READ | PROT_WRITE)) return false;
    for (uint32_t i = 1; i <= protocol->requirements; i++) atomic_store(&old_table[i], new_table[i]);
    return true;
}
