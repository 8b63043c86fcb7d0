// The one type of the toolchain's code service (libsourcekitdInProc.so) that Swift cannot declare: a value that is passed
// and returned whole. The library is loaded at run time, its other types are pointers.
#ifndef CSOURCEKIT_H
#define CSOURCEKIT_H

#include <stdint.h>

typedef struct {
    uint64_t data[3];
} csourcekit_value;

// Returned value first, so that Swift finds function pointers of these types by name.
typedef csourcekit_value (*csourcekit_get_value)(void *response);
typedef char *(*csourcekit_copy_json)(csourcekit_value value);

#endif
