// What is written to the standard output and error: the runtimes' last words, and text that goes past the C library's
// streams.
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// ---- last words

static bool is_in(const char *library, void *caller) {
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, library);
}

static void add_last_words(const char *text) {
    size_t room = CCELLS_MESSAGE - 1 - ccells_self.message_length;
    size_t length = strlen(text), taken = length < room ? length : room;
    memcpy(ccells_self.message + ccells_self.message_length, text, taken);
    ccells_self.message_length += taken;
}

// What the Swift runtime says and then goes on: "SWIFT TASK CONTINUATION MISUSE: f() leaked its continuation…"
static bool is_warning(const char *text) {
    return !strncmp(text, "SWIFT TASK", 10) || !strncasecmp(text, "warning", 7);
}

static int last_words_to = STDERR_FILENO;

void ccells_send_last_words_to(int descriptor) { last_words_to = descriptor; }

// The Swift runtime writes "Fatal error: …" to the standard error and traps, and that of C++ names the exception:
// kept for the report, where it is said once and with the cell's line. Anything else goes its way.
int fputs(const char *text, FILE *stream) {
    int (*put)(const char *, FILE *) = REAL(fputs);
    // The process is about to end: nobody would pass on what the notebook's stream gets.
    if (stream == stderr && ccells_self.is_kernels_own && is_in("libswift", __builtin_return_address(0)))
        return (int)syscall(SYS_write, last_words_to, text, strlen(text));
    if (stream != stderr || !ccells_is_guarded()) return put(text, stream);
    void *caller = __builtin_return_address(0);
    if (is_in("libstdc++", caller)) {
        // Of an exception that nobody catches, the name and the description.
        add_last_words(ccells_self.message_length ? ": " : "Uncaught C++ exception ");
    } else if (!is_in("libswift", caller) || is_warning(text)) {
        return put(text, stream);
    }
    add_last_words(text);
    return 0;
}

// ---- output that goes past the C library's streams

// C++'s `cout` and `cerr` write to the streams that the C library had at the start. What stands in their place since
// knows whose text it is.
static FILE *in_force(FILE *stream) {
    static _Atomic(void *) first_output, first_error;
    if (stream == stdout || stream == stderr) return stream;
    if (stream == ccells_real("_IO_2_1_stdout_", &first_output)) return stdout;
    return stream == ccells_real("_IO_2_1_stderr_", &first_error) ? stderr : stream;
}

size_t fwrite(const void *text, size_t size, size_t count, FILE *stream) {
    // "terminate called after throwing an instance of '": what it was is kept for the report.
    static const char beginning[] = "terminate called";
    if (stream == stderr && size * count >= sizeof beginning && !memcmp(text, beginning, sizeof beginning - 1) &&
        is_in("libstdc++", __builtin_return_address(0)) && ccells_is_guarded())
        ccells_self.is_terminating = true;
    if (stream == stderr && ccells_self.is_terminating) return count;
    return REAL(fwrite)(text, size, count, in_force(stream));
}

#undef fputc
int fputc(int character, FILE *stream) {
    if (stream == stderr && ccells_self.is_terminating) return character;
    return REAL(fputc)(character, in_force(stream));
}

#undef putc
int putc(int character, FILE *stream) { return fputc(character, stream); }

#undef fflush
int fflush(FILE *stream) { return REAL(fflush)(stream ? in_force(stream) : NULL); }

static bool (*take_output)(int cell, int descriptor, const void *text, size_t count);
static atomic_int running_cell;

void ccells_on_late_output(bool (*take)(int, int, const void *, size_t)) { take_output = take; }

void ccells_is_running(int cell) { atomic_store(&running_cell, cell); }

// What is written to descriptors 1 and 2 lands under the cell that runs. So what another one has left behind may not.
static bool is_taken(int descriptor, const void *text, size_t count) {
    if (descriptor != STDOUT_FILENO && descriptor != STDERR_FILENO) return false;
    if (!take_output || !ccells_is_guarded()) return false;
    int cell = ccells_cell_of_caller();
    return cell && cell != atomic_load(&running_cell) && take_output(cell, descriptor, text, count);
}

ssize_t write(int descriptor, const void *text, size_t count) {
    if (is_taken(descriptor, text, count)) return count;
    return REAL(write)(descriptor, text, count);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    if (descriptor != STDOUT_FILENO && descriptor != STDERR_FILENO) return REAL(writev)(descriptor, parts, count);
    ssize_t written = 0;
    for (int i = 0; i < count; i++) {
        ssize_t more = write(descriptor, parts[i].iov_base, parts[i].iov_len);
        if (more < 0) return written ? written : more;
        written += more;
        if ((size_t)more < parts[i].iov_len) break;
    }
    return written;
}
