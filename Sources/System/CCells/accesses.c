// What a thread is changing. The compiler brackets every change of a global variable, of a class's property and of what
// a closure has captured with two calls of the runtime; when the thread is parked in between, the variable may be
// damaged, and the report can name it.
#define _GNU_SOURCE
#include "internal.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum { MODIFY = 1 };  // ExclusivityFlags in the runtime's MetadataValues.h

void swift_beginAccess(void *pointer, void *buffer, uintptr_t flags, void *pc);
void swift_endAccess(void *buffer);

// Both take the place of the runtime's, and call them.
void swift_beginAccess(void *pointer, void *buffer, uintptr_t flags, void *pc) {
    REAL(swift_beginAccess)(pointer, buffer, flags, pc ? pc : __builtin_return_address(0));
    if (!(flags & MODIFY) || ccells_self.is_kernels_own) return;
    // What is not kept is not counted either: its end finds nothing to take back.
    if (ccells_self.access_count < CCELLS_ACCESSES)
        ccells_self.accesses[ccells_self.access_count++] = (ccells_access){pointer, buffer};
}

void swift_endAccess(void *buffer) {
    for (int i = ccells_self.access_count - 1; i >= 0; i--) {
        if (ccells_self.accesses[i].buffer != buffer) continue;
        int later = --ccells_self.access_count - i;
        memmove(&ccells_self.accesses[i], &ccells_self.accesses[i + 1], later * sizeof(ccells_access));
        break;
    }
    REAL(swift_endAccess)(buffer);
}

// ---- which property that is

// TargetClassMetadata, TargetClassDescriptor, FieldDescriptor and FieldRecord of the runtime's Metadata.h and Records.h:
// distances are of 32 bits from where they stand.
typedef struct {
    uintptr_t kind, superclass;
    uint32_t flags, address_point, size;
    uint16_t alignment, reserved;
    uint32_t class_size, class_address_point;
    uintptr_t descriptor;
} class_metadata;
typedef struct {
    uint32_t flags;
    int32_t parent, name, access, fields, superclass;
    uint32_t negative_size, positive_size, own_members, field_count, offsets;  // the last in words from the metadata
} class_descriptor;
typedef struct {
    int32_t type, superclass;
    uint16_t kind, record_size;
    uint32_t count;
} field_list;
typedef struct {
    uint32_t flags;
    int32_t type, name;
} field;

// "$s5Cell13BoxCMn": whether a class is one of a cell's. Of others the layout may be known at run time only.
static bool is_cells_class(const char *symbol) {
    size_t length = strlen(symbol);
    if (length < 8 || strncmp(symbol, "$s", 2) || strcmp(symbol + length - 3, "CMn")) return false;
    const char *name = symbol + 2 + strspn(symbol + 2, "0123456789");
    return !strncmp(name, "Cell", 4) && name[4] >= '0' && name[4] <= '9';
}

// The descriptor's symbol, where `metadata` may be that of a class.
static const char *class_symbol(uintptr_t metadata, uintptr_t *descriptor) {
    if (metadata % sizeof(uintptr_t) || metadata < 4096) return NULL;
    if (!ccells_read_word(metadata + offsetof(class_metadata, descriptor), descriptor)) return NULL;
    const char *symbol = ccells_symbol_at(*descriptor);
    return symbol && is_cells_class(symbol) ? symbol : NULL;
}

const char *ccells_property_at(uintptr_t address, const char **type) {
    enum { LARGEST_OBJECT = 2048 };  // more properties than anybody writes in a cell
    enum { HAS_RESILIENT_SUPERCLASS = 1 << 13 };
    uintptr_t object = address & ~(sizeof(uintptr_t) - 1), lowest = object - LARGEST_OBJECT, metadata, descriptor;
    // An object begins with the address of its class's metadata.
    for (; object > lowest; object -= sizeof(uintptr_t)) {
        if (!ccells_read_word(object, &metadata)) return NULL;
        while ((*type = class_symbol(metadata, &descriptor))) {
            const class_descriptor *class = (const void *)descriptor;
            // Behind a superclass of another library they lie where only the runtime knows.
            if (class->flags >> 16 & HAS_RESILIENT_SUPERCLASS) return NULL;
            int found = -1;
            uintptr_t offset, nearest = 0;
            for (uint32_t i = 0; i < class->field_count; i++) {
                if (!ccells_read_word(metadata + (class->offsets + i) * sizeof offset, &offset)) return NULL;
                if (offset > address - object || (found >= 0 && offset <= nearest)) continue;
                found = i;
                nearest = offset;
            }
            if (found >= 0) {
                const field_list *list = (const void *)((const char *)&class->fields + class->fields);
                const field *fields = (const void *)(list + 1);
                return (const char *)&fields[found].name + fields[found].name;
            }
            metadata = ((const class_metadata *)metadata)->superclass;
        }
    }
    return NULL;
}
