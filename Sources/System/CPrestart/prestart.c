// Preloaded into a tool of the toolchain (the compiler's frontend, the linker), so that most of what it does for a short
// cell is done before there is one: 17 of the frontend's 60 ms are its own start (256,000 relocations, LLVM's
// constructors), and 19 the loading of modules.
//
// The tool stops before its `main` and becomes a server: for each message on its standard input it forks a child that
// goes on with the arguments in there. The child stops a second time where it opens a file that the message names. When
// the one who sent the message says so it goes on, with the text that comes along in the place of another file's.
//
// A message is a row of strings, each ended by a zero byte: the path at which to stop, the path of the file whose text
// comes later (both may be empty), then the arguments. Two descriptors come with it: where the child's output goes, and a
// socket. On the socket the child sends its process's number, waits for the number of bytes and the bytes of the text (both
// only if there is a path at which to stop), and sends the exit status as soon as the tool is done. The end of the socket
// ends it.
//
// The server ends with the process that holds the other end of its standard input, and takes its children along.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int (*main_function)(int, char **, char **);
static main_function tool;

// Of a child.
static pid_t child;
static int talk = -1;
/// Where it stops; NULL once it has.
static const char *stop_path;
static const char *text_path;
static int text_file = -1;
static char *text;
static size_t text_room;

static bool receive(void *bytes, size_t count) {
    for (char *next = bytes; count;) {
        ssize_t got = recv(talk, next, count, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        next += got;
        count -= (size_t)got;
    }
    return true;
}

static void send_number(int32_t number) { send(talk, &number, sizeof number, MSG_NOSIGNAL); }

/// 1,100 pages of fresh memory are what the frontend takes for a short cell from here on, and a page fault costs as
/// much as compiling a line: they are asked for while nobody waits, as large ones where the system has them.
static void prepare_memory(void) {
    static const size_t size = 8 << 20;
    char *end = sbrk(0);
    mallopt(M_TOP_PAD, size);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    // What is free at the end of the heap is less than the padding of the last time: soon it has to grow.
    void *taken[64];
    size_t count = 0;
    while (count < 64 && sbrk(0) == end) taken[count++] = malloc(60000);
    while (count) free(taken[--count]);
    char *start = end;
    end = sbrk(0);
    if (end == start) return;
    start += -(uintptr_t)start & 4095;
    madvise(start, (size_t)(end - start), MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
    madvise(start, (size_t)(end - start), MADV_POPULATE_WRITE);
#endif
    mallopt(M_TOP_PAD, 1 << 20);
}

static void stop(void) {
    stop_path = NULL;
    if (text_path) prepare_memory();
    uint32_t size;
    if (!receive(&size, sizeof size)) syscall(SYS_exit_group, 1);
    // A tool that has not mapped the file has read it already.
    if (size > text_room || (text_path && !text) || !receive(text, size)) syscall(SYS_exit_group, 1);
}

typedef int (*open_function)(const char *, int, ...);

int open(const char *path, int flags, ...) {
    static open_function next;
    if (!next) next = (open_function)dlsym(RTLD_NEXT, "open");
    va_list more;
    va_start(more, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;
    va_end(more);
    if (stop_path && !strcmp(path, stop_path)) stop();
    int descriptor = next(path, flags, mode);
    if (stop_path && text_path && !text && !strcmp(path, text_path)) text_file = descriptor;
    return descriptor;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/// The tool maps the file whose text comes later: it gets memory of the same size, full of empty lines.
static void *map_text(size_t size) {
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return memory;
    struct stat file;
    text_room = fstat(text_file, &file) ? 0 : (size_t)file.st_size;
    if (text_room > size) text_room = size;
    memset(memory, '\n', text_room);
    text = memory;
    text_file = -1;
    return memory;
}

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset) {
    if (descriptor >= 0 && descriptor == text_file && offset == 0 && !address) return map_text(size);
    return (void *)syscall(SYS_mmap, address, size, protection, flags, descriptor, offset);
}

void *mmap64(void *, size_t, int, int, int, off_t) __attribute__((alias("mmap")));

/// What is still to come is the giving back of memory, for which nobody need wait.
static void report(int status) {
    if (child && child == getpid()) send_number(status);
    child = 0;
}

void _exit(int status) {
    report(status);
    for (;;) syscall(SYS_exit_group, status);
}

void exit(int status) {
    report(status);
    ((void (*)(int))dlsym(RTLD_NEXT, "exit"))(status);
    __builtin_unreachable();
}

/// Goes on as the tool with a message's arguments.
static int run(char *message, size_t size, int output, int socket, char *name, char **environment) {
    signal(SIGCHLD, SIG_DFL);
    setpgid(0, 0);
    child = getpid();
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    // Above those that the tool opens.
    talk = fcntl(socket, F_DUPFD_CLOEXEC, 100);
    close(nothing);
    close(output);
    close(socket);
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += !message[i];
    char **arguments = calloc(count + 1, sizeof *arguments);
    if (count < 2 || !arguments || talk < 0) _exit(127);
    char *next = message;
    for (size_t i = 0; i < count; i++, next += strlen(next) + 1) {
        if (i == 0) stop_path = *next ? next : NULL;
        if (i == 1) text_path = *next ? next : NULL;
        if (i >= 2) arguments[i - 1] = next;
    }
    arguments[0] = name;
    send_number(child);
    int status = tool((int)count - 1, arguments, environment);
    _exit(status);
}

static int serve(int count, char **names, char **environment) {
    (void)count;
    // What the tool starts is none of ours.
    unsetenv("LD_PRELOAD");
#ifdef SYS_close_range
    syscall(SYS_close_range, 3, ~0u, 0);
#endif
    // Children that have ended are nobody's business: they have said what there is to say.
    signal(SIGCHLD, SIG_IGN);
    static char message[1 << 18];
    for (;;) {
        struct iovec bytes = {message, sizeof message};
        union {
            struct cmsghdr header;
            char room[CMSG_SPACE(2 * sizeof(int))];
        } control;
        struct msghdr header = {
            .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t size = recvmsg(STDIN_FILENO, &header, MSG_CMSG_CLOEXEC);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) _exit(0);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        if (!rights || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(2 * sizeof(int))) _exit(0);
        int given[2];
        memcpy(given, CMSG_DATA(rights), sizeof given);
        pid_t server = getpid();
        if (!(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && message[size - 1] == 0 && fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != server) _exit(0);
            return run(message, (size_t)size, given[0], given[1], names[0], environment);
        }
        close(given[0]);
        close(given[1]);
    }
}

typedef int (*start_function)(main_function, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

// Takes the place of the C library's, which every program begins with: what it is given has already been relocated.
int __libc_start_main(
    main_function main, int count, char **arguments, void (*init)(void), void (*fini)(void), void (*loader)(void),
    void *stack) {
    tool = main;
    // Programs built for a C library before 2.34 bring their own caller of constructors.
    start_function start = (start_function)dlsym(RTLD_NEXT, "__libc_start_main");
#if defined(__x86_64__)
    if (init) start = (start_function)dlvsym(RTLD_NEXT, "__libc_start_main", "GLIBC_2.2.5");
#elif defined(__aarch64__)
    if (init) start = (start_function)dlvsym(RTLD_NEXT, "__libc_start_main", "GLIBC_2.17");
#endif
    return start(serve, count, arguments, init, fini, loader, stack);
}
