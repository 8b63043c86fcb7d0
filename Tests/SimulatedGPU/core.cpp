// Blocks, threads and barriers. Threads of a block are run one after the other on a fiber, in a plain loop. Only when
// one waits at a barrier does the rest go on with a fiber of its own; so kernels without barriers cost no switching at
// all. Under the thread sanitizer each thread has its own fiber, and a switch orders nothing: only barriers do.
#include "core.h"
#include <algorithm>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/asan_interface.h>
#define ADDRESS 1
#endif
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define THREAD 1
#endif

Core core;

namespace {

const size_t stackBytes = 256 * 1024;

struct Fiber {
    void *pointer = nullptr;  // its stack pointer while it does not run
    char *stack = nullptr;
    unsigned int thread = 0;
    int line = 0;  // of the barrier that it waits at
    bool isWaiting = false;
    void *sanitizer = nullptr;
};

std::vector<Fiber *> allFibers, idleFibers;
Fiber *running;
void *mainPointer;
#ifdef THREAD
void *mainSanitizer;
// What a thread of a block knows: all before the block, and what other threads did before a barrier. After the block
// the scheduler knows what they did.
char barrierToken, beginToken, endToken;
#endif
#ifdef ADDRESS
void *mainFake;
const void *mainStack;
size_t mainStackSize;
#endif

// The block that runs.
std::vector<unsigned int> sequence;
size_t nextThread, finishedThreads;
const std::function<void()> *body;
bool fiberEach =
#ifdef THREAD
    true;
#else
    false;
#endif

extern "C" void simulated_switch(void **save, void *load);
#if defined(__x86_64__)
asm(R"(
    .text
    .globl simulated_switch
    .hidden simulated_switch
    .type simulated_switch, @function
simulated_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size simulated_switch, .-simulated_switch
)");
#elif defined(__aarch64__)
asm(R"(
    .text
    .globl simulated_switch
    .hidden simulated_switch
    .type simulated_switch, %function
simulated_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size simulated_switch, .-simulated_switch
)");
#else
#error "The simulation knows how to switch stacks on x86-64 and arm64."
#endif

__attribute__((no_sanitize("thread"))) void setThread(unsigned int thread) {
    core.threadIdx.x = thread % core.blockDim.x;
    core.threadIdx.y = thread / core.blockDim.x % core.blockDim.y;
    core.threadIdx.z = thread / core.blockDim.x / core.blockDim.y;
}

/// From a fiber to the scheduler.
__attribute__((no_sanitize("thread"))) void leave() {
    Fiber *self = running;
#ifdef ADDRESS
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, mainStack, mainStackSize);
#endif
#ifdef THREAD
    __tsan_switch_to_fiber(mainSanitizer, __tsan_switch_to_fiber_no_sync);
#endif
    simulated_switch(&self->pointer, mainPointer);
#ifdef ADDRESS
    __sanitizer_finish_switch_fiber(fake, &mainStack, &mainStackSize);
#endif
}

/// From the scheduler to a fiber.
__attribute__((no_sanitize("thread"))) void enter(Fiber *fiber) {
    running = fiber;
#ifdef ADDRESS
    __sanitizer_start_switch_fiber(&mainFake, fiber->stack, stackBytes);
#endif
#ifdef THREAD
    mainSanitizer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber->sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
    simulated_switch(&mainPointer, fiber->pointer);
#ifdef ADDRESS
    __sanitizer_finish_switch_fiber(mainFake, nullptr, nullptr);
#endif
}

__attribute__((no_sanitize("thread"))) void runThreads() {
#ifdef ADDRESS
    __sanitizer_finish_switch_fiber(nullptr, &mainStack, &mainStackSize);
#endif
    while (true) {
        Fiber *self = running;
#ifdef THREAD
        __tsan_acquire(&beginToken);
#endif
        while (nextThread < sequence.size()) {
            self->thread = sequence[nextThread++];
            setThread(self->thread);
            (*body)();
            finishedThreads++;
            if (fiberEach || self->isWaiting) break;
        }
        self->isWaiting = false;
#ifdef THREAD
        __tsan_release(&endToken);
#endif
        leave();
    }
}

__attribute__((no_sanitize("thread"))) void barrier(int line) {
    Fiber *self = running;
    self->isWaiting = true;
    self->line = line;
#ifdef THREAD
    __tsan_release(&barrierToken);
#endif
    leave();
#ifdef THREAD
    __tsan_acquire(&barrierToken);
#endif
}

Fiber *freshFiber() {
    if (!idleFibers.empty()) {
        Fiber *fiber = idleFibers.back();
        idleFibers.pop_back();
        return fiber;
    }
    Fiber *fiber = new Fiber;
    fiber->stack =
        (char *)mmap(nullptr, stackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void **top = (void **)(fiber->stack + stackBytes);
#if defined(__x86_64__)
    *--top = nullptr;  // so that the stack is aligned as after a call
    *--top = (void *)runThreads;
    for (int i = 0; i < 6; i++) *--top = nullptr;
#else
    top -= 20;
    for (int i = 0; i < 20; i++) top[i] = nullptr;
    top[11] = (void *)runThreads;
#endif
    fiber->pointer = top;
#ifdef THREAD
    fiber->sanitizer = __tsan_create_fiber(0);
#endif
    allFibers.push_back(fiber);
    return fiber;
}

void arrange(std::vector<unsigned int> &numbers, Order order, std::mt19937_64 &random) {
    if (order == Order::descending) std::reverse(numbers.begin(), numbers.end());
    if (order == Order::random) std::shuffle(numbers.begin(), numbers.end(), random);
}

__attribute__((no_sanitize("thread"))) std::string runBlock(Order order, std::mt19937_64 &random) {
    const unsigned int count = core.blockDim.x * core.blockDim.y * core.blockDim.z;
    sequence.resize(count);
    for (unsigned int i = 0; i < count; i++) sequence[i] = i;
    arrange(sequence, order, random);
    nextThread = finishedThreads = 0;
    // A fiber that is done may take another thread only where the sanitizer need not tell them apart.
    std::vector<Fiber *> waiting, done;
    while (nextThread < count) {
        Fiber *fiber = freshFiber();
        fiber->isWaiting = false;
        enter(fiber);
        if (fiber->isWaiting) waiting.push_back(fiber);
        else (fiberEach ? done : idleFibers).push_back(fiber);
    }
    while (!waiting.empty()) {
        if (waiting.size() != count) {
            return "a barrier in line " + std::to_string(waiting[0]->line) + " is reached by "
                   + std::to_string(waiting.size()) + " of the block's " + std::to_string(count) + " threads";
        }
        for (Fiber *fiber : waiting) {
            if (fiber->line != waiting[0]->line) {
                return "the block's threads wait at different barriers, in lines " + std::to_string(waiting[0]->line)
                       + " and " + std::to_string(fiber->line);
            }
        }
        if (order == Order::random) std::shuffle(waiting.begin(), waiting.end(), random);
        std::vector<Fiber *> next;
        for (Fiber *fiber : waiting) {
            // Stays true for a thread that was resumed, so that its fiber takes no other when it ends.
            setThread(fiber->thread);
            fiber->line = -1;
            enter(fiber);
            (fiber->line == -1 ? done : next).push_back(fiber);
        }
        waiting = next;
    }
    idleFibers.insert(idleFibers.end(), done.begin(), done.end());
    return "";
}

}  // namespace

void abandonFibers() {
    // Their stacks are given back whole; nothing on them is unwound.
    for (Fiber *fiber : allFibers) {
        munmap(fiber->stack, stackBytes);
#ifdef THREAD
        __tsan_destroy_fiber(fiber->sanitizer);
#endif
        delete fiber;
    }
    allFibers.clear();
    idleFibers.clear();
}

__attribute__((no_sanitize("thread"))) std::string runGrid(
    SimulatedIndex grid, SimulatedIndex block, Order order, std::mt19937_64 &random, char *sharedStart, char *sharedEnd,
    const std::function<void()> &kernel
) {
    core.gridDim = grid;
    core.blockDim = block;
    core.barrier = barrier;
    body = &kernel;
    const unsigned int count = grid.x * grid.y * grid.z;
    std::vector<unsigned int> blocks(count);
    for (unsigned int i = 0; i < count; i++) blocks[i] = i;
    arrange(blocks, order, random);
    for (unsigned int number : blocks) {
        core.blockIdx = {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
        // As floats these are NaN: who reads what no thread wrote shows it.
        if (sharedStart) std::fill(sharedStart, sharedEnd, (char)0xff);
#ifdef THREAD
        __tsan_release(&beginToken);
#endif
        std::string problem = runBlock(order, random);
#ifdef THREAD
        __tsan_acquire(&endToken);
#endif
        if (!problem.empty()) {
            abandonFibers();
            return problem;
        }
    }
    return "";
}
