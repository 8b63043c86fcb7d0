// The few things that Swift cannot do: memory that stays warm, a thread pool, and vector kernels picked for the
// processor at start. See Memory.c, Threads.c and Kernels.h.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// ---- Memory

/// Memory aligned to 64 bytes, not cleared; NULL where there is none.
void *_Nullable kernels_allocate(size_t byteCount);
/// Gives back what `kernels_allocate` returned for the same size. Large pieces are kept for the next tensor.
void kernels_free(void *address, size_t byteCount);
/// Bytes now in use by tensors, and the most that ever were.
size_t kernels_bytes_in_use(void);
size_t kernels_peak_bytes(void);

#pragma clang assume_nonnull end
#endif
