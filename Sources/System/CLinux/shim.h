// What Swift's Glibc module leaves out.
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Names the calling thread: 15 characters at most.
static inline void linux_set_thread_name(const char *name) { prctl(PR_SET_NAME, name); }

/// Opens a pipe whose ends no program that is started inherits. Returns 0, or -1 with errno set.
static inline int linux_open_pipe(int ends[2]) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }

/// Opens two sockets that are connected with each other, of streams or of packets, and that no program that is started
/// inherits. Returns 0, or -1 with errno set.
static inline int linux_open_sockets(int ends[2], int of_packets) {
    return socketpair(AF_UNIX, (of_packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, ends);
}

/// Sends a packet, and copies of two descriptors with it. Returns 0, or -1 with errno set.
static inline int linux_send_with_descriptors(int socket, const void *bytes, size_t size, int first, int second) {
    struct iovec packet = {(void *)bytes, size};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {0};
    message.msg_iov = &packet;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
    int descriptors[2] = {first, second};
    memcpy(CMSG_DATA(rights), descriptors, sizeof descriptors);
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/// Opens a set of descriptors to wait for. -1 with errno set.
static inline int linux_open_watch(void) { return epoll_create1(EPOLL_CLOEXEC); }

/// Adds a descriptor to read from to the set.
static inline int linux_watch(int watch, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    return epoll_ctl(watch, EPOLL_CTL_ADD, descriptor, &event);
}

static inline int linux_unwatch(int watch, int descriptor) { return epoll_ctl(watch, EPOLL_CTL_DEL, descriptor, NULL); }

/// Waits for one of the set from which something can be read, or nothing any more, and returns it; or -1.
static inline int linux_wait_watched(int watch, bool *can_read) {
    struct epoll_event event;
    if (epoll_wait(watch, &event, 1, -1) != 1) return -1;
    *can_read = event.events & EPOLLIN;
    return event.data.fd;
}

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
