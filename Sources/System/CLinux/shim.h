// What Swift's Glibc module leaves out.
#include <sys/eventfd.h>
#include <sys/prctl.h>

/// Names the calling thread: 15 characters at most.
static inline void linux_set_thread_name(const char *name) { prctl(PR_SET_NAME, name); }
