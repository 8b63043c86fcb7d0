// What Swift's Glibc module leaves out.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Names the calling thread: 15 characters at most.
static inline void linux_set_thread_name(const char *name) { prctl(PR_SET_NAME, name); }

/// Opens a pipe whose ends no program that is started inherits. Returns 0, or -1 with errno set.
static inline int linux_open_pipe(int ends[2]) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }
