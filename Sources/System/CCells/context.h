// What a signal handler is told of the processor's state. Only for files of this folder that have one.
#ifndef CCELLS_CONTEXT_H
#define CCELLS_CONTEXT_H

#include "internal.h"

#include <errno.h>
#include <ucontext.h>

#if defined(__x86_64__)
static inline uintptr_t program_counter(const ucontext_t *context) { return context->uc_mcontext.gregs[REG_RIP]; }
static inline uintptr_t frame_pointer(const ucontext_t *context) { return context->uc_mcontext.gregs[REG_RBP]; }
static inline uintptr_t stack_pointer(const ucontext_t *context) { return context->uc_mcontext.gregs[REG_RSP]; }
// Whether the signal broke off a system call that is not restarted. It ends with EINTR, and its number is lost.
static inline bool has_broken_off(const ucontext_t *context) {
    const unsigned char *pc = (const unsigned char *)program_counter(context);
    return pc[-2] == 0x0f && pc[-1] == 0x05 && context->uc_mcontext.gregs[REG_RAX] == -EINTR;
}
// The system call that starts again behind the handler; -1 where there is none. With SA_RESTART the kernel has already
// put the call's number back and the counter in front of the instruction.
static inline long restarting(const ucontext_t *context) {
    const unsigned char *pc = (const unsigned char *)program_counter(context);
    return pc[0] == 0x0f && pc[1] == 0x05 ? context->uc_mcontext.gregs[REG_RAX] : -1;
}
#elif defined(__aarch64__)
static inline uintptr_t program_counter(const ucontext_t *context) { return context->uc_mcontext.pc; }
static inline uintptr_t frame_pointer(const ucontext_t *context) { return context->uc_mcontext.regs[29]; }
static inline uintptr_t stack_pointer(const ucontext_t *context) { return context->uc_mcontext.sp; }
static inline bool has_broken_off(const ucontext_t *context) {
    const unsigned *pc = (const unsigned *)program_counter(context);
    return pc[-1] == 0xd4000001 && (long)context->uc_mcontext.regs[0] == -EINTR;
}
static inline long restarting(const ucontext_t *context) {
    const unsigned *pc = (const unsigned *)program_counter(context);
    return pc[0] == 0xd4000001 ? (long)context->uc_mcontext.regs[8] : -1;
}
#endif

static inline ccells_place place(const ucontext_t *context) {
    return (ccells_place){program_counter(context), frame_pointer(context), stack_pointer(context)};
}

#endif
