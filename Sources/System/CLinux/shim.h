// What Swift's Glibc module leaves out.
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Names the calling thread: 15 characters at most.
static inline void linux_set_thread_name(const char *name) { prctl(PR_SET_NAME, name); }

/// Opens a pipe whose ends no program that is started inherits. Returns 0, or -1 with errno set.
static inline int linux_open_pipe(int ends[2]) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }

// What <stdio.h> declares of `fopencookie` for _GNU_SOURCE, without which Swift's Glibc module was made.
typedef struct {
    ssize_t (*read)(void *, char *, size_t);
    ssize_t (*write)(void *, const char *, size_t);
    int (*seek)(void *, long long *, int);
    int (*close)(void *);
} linux_stream_functions;
FILE *linux_fopencookie(void *cookie, const char *mode, linux_stream_functions functions) __asm__("fopencookie");

/// Opens a stream of the C library whose text `write` gets, on the thread that writes it. NULL with errno set.
static inline FILE *linux_open_stream(void *cookie, ssize_t (*write)(void *, const char *, size_t)) {
    linux_stream_functions functions = {0};
    functions.write = write;
    return linux_fopencookie(cookie, "w", functions);
}
