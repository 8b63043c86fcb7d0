// Memory for tensors. A training step asks for the same sizes again and again; fresh pages from the system would cost
// 0.25 us a KB (a page fault each 4 KB), so freed pieces of 4 KB and more wait in lists by size for the next step. Smaller
// ones wait in lists of their thread: aligned memory of the C library takes 60 ns, a tenth of a small perceptron's step.
#include "CKernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { CLASSES = 256, SMALLEST = 4096 };
static const size_t KEPT_AT_MOST = (size_t)512 << 20;

typedef struct Piece {
    struct Piece *next;
} Piece;

static Piece *kept[CLASSES];
static size_t kept_bytes, used_bytes, peak_bytes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// Four classes an octave: at most a quarter is wasted.
static int size_class(size_t bytes, size_t *rounded) {
    int octave = 63 - __builtin_clzll(bytes);
    size_t step = (size_t)1 << (octave - 2);
    size_t up = (bytes + step - 1) / step * step;
    *rounded = up;
    octave = 63 - __builtin_clzll(up);
    return (octave * 4 + (int)((up >> (octave - 2)) & 3)) % CLASSES;
}

// ---- Small pieces, in lists of the thread by their number of lines of 64 bytes

enum { KEPT_OF_THREAD = 64 << 10 };
static _Thread_local struct {
    Piece *kept[SMALLEST / 64 + 1];
    size_t bytes;
} small;
static pthread_key_t at_thread_end;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void free_small(void *unused) {
    (void)unused;
    for (int lines = 0; lines <= SMALLEST / 64; lines++)
        while (small.kept[lines]) {
            Piece *piece = small.kept[lines];
            small.kept[lines] = piece->next;
            free(piece);
        }
    small.bytes = 0;
}
static void prepare(void) { pthread_key_create(&at_thread_end, free_small); }

static void *allocate_small(size_t lines) {
    Piece *piece = small.kept[lines];
    if (piece) {
        small.kept[lines] = piece->next;
        small.bytes -= lines * 64;
        return piece;
    }
    void *address = NULL;
    return posix_memalign(&address, 64, lines * 64) ? NULL : address;
}

static void keep_small(void *address, size_t lines) {
    if (small.bytes + lines * 64 > KEPT_OF_THREAD) {
        free(address);
        return;
    }
    if (!small.bytes) {
        pthread_once(&prepared, prepare);
        pthread_setspecific(at_thread_end, &small);
    }
    Piece *piece = address;
    piece->next = small.kept[lines];
    small.kept[lines] = piece;
    small.bytes += lines * 64;
}

void *kernels_allocate(size_t byteCount) {
    void *address = NULL;
    if (byteCount < SMALLEST) return allocate_small(byteCount ? (byteCount + 63) / 64 : 1);
    if (byteCount > (size_t)1 << 46) return NULL;
    size_t bytes;
    int class = size_class(byteCount, &bytes);
    pthread_mutex_lock(&lock);
    Piece *piece = kept[class];
    if (piece) {
        kept[class] = piece->next;
        kept_bytes -= bytes;
    }
    used_bytes += bytes;
    if (used_bytes > peak_bytes) peak_bytes = used_bytes;
    pthread_mutex_unlock(&lock);
    if (piece) return piece;
    if (!posix_memalign(&address, bytes >= 2 << 20 ? 2 << 20 : 64, bytes)) {
        if (bytes >= 2 << 20) madvise(address, bytes, MADV_HUGEPAGE);
        return address;
    }
    pthread_mutex_lock(&lock);
    used_bytes -= bytes;
    pthread_mutex_unlock(&lock);
    return NULL;
}

void kernels_free(void *address, size_t byteCount) {
    if (byteCount < SMALLEST) {
        keep_small(address, byteCount ? (byteCount + 63) / 64 : 1);
        return;
    }
    size_t bytes;
    int class = size_class(byteCount, &bytes);
    pthread_mutex_lock(&lock);
    used_bytes -= bytes;
    int keep = kept_bytes + bytes <= KEPT_AT_MOST;
    if (keep) {
        Piece *piece = address;
        piece->next = kept[class];
        kept[class] = piece;
        kept_bytes += bytes;
    }
    pthread_mutex_unlock(&lock);
    if (!keep) free(address);
}

size_t kernels_bytes_in_use(void) {
    pthread_mutex_lock(&lock);
    size_t bytes = used_bytes;
    pthread_mutex_unlock(&lock);
    return bytes;
}

size_t kernels_peak_bytes(void) {
    pthread_mutex_lock(&lock);
    size_t bytes = peak_bytes;
    pthread_mutex_unlock(&lock);
    return bytes;
}
