// libcuda.so.1 for machines that have none: the entry points that CCUDA.h names, on the processor.
//
// Work is queued and runs when somebody waits for it, stream by stream in a random order that the events allow (and at
// random a little earlier). So whoever forgets to wait reads rubbish. Device memory may be touched by kernels alone:
// each piece ends at a page that nobody may touch, is never given out again, and while no kernel runs the processor may
// not read it either. Settings: SIMULATED_GPU_SEED, SIMULATED_GPU_ORDER (ascending, descending, random),
// SIMULATED_GPU_MEMORY (bytes), SIMULATED_GPU_COUNT (devices), SIMULATED_GPU_DRIVER (13000), SIMULATED_GPU_LOG (a file
// that lists what runs), SIMULATED_GPU_DELAY (milliseconds that an event takes at least).
#include "core.h"
#include <CCUDA.h>
#include <chrono>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

enum {
    success = 0,
    invalidValue = 1,
    outOfMemory = 2,
    notInitialized = 3,
    noDevice = 100,
    invalidDevice = 101,
    invalidImage = 200,
    invalidContext = 201,
    invalidHandle = 400,
    notFound = 500,
    notReady = 600,
    illegalAddress = 700,
    launchFailed = 719,
    captureUnsupported = 900,
    captureInvalidated = 901,
    captureUnmatched = 903,
    captureUnjoined = 904,
    captureIsolation = 905,
};

const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

struct Operation {
    const char *name;
    std::function<int()> run;
    /// What has to have happened before: an event's ticket.
    std::function<bool()> isReady;
};

struct EventState {
    long recorded = 0, completed = 0;
    std::chrono::steady_clock::time_point time;
};
struct GraphNode {
    Operation operation;
    std::vector<int> needs;
};
struct Capture {
    std::vector<GraphNode> nodes;
    std::set<LabStream> streams;
    LabStream origin;
    bool isInvalid = false;
};

}  // namespace

struct LabStream_ {
    std::deque<Operation> queue;
    std::shared_ptr<Capture> capture;
    std::vector<int> last;  // the nodes that the next one captured here needs
};
struct LabEvent_ {
    std::shared_ptr<EventState> state = std::make_shared<EventState>();
    std::shared_ptr<Capture> capture;
    std::vector<int> nodes;
};
struct LabContext_ {
    int device;
};
struct LabModule_ {
    void *library;
    std::map<std::string, struct LabFunction_> functions;
};
struct LabFunction_ {
    std::string name;
    void (*call)(void **);
    std::vector<int> sizes;
    char *sharedStart, *sharedEnd;
};
struct LabGraph_ {
    std::vector<GraphNode> nodes;
};
struct LabGraphExec_ {
    std::vector<GraphNode> nodes;
};

namespace {

std::recursive_mutex mutex;
using Lock = std::lock_guard<std::recursive_mutex>;
bool isInitialized;
LabContext_ contexts[8];
thread_local LabContext current;
int stickyError;
std::string problem;
std::set<LabStream> streams;
std::set<LabEvent> events;
std::mt19937_64 chance;
Order order = Order::ascending;
size_t memoryLimit, memoryUsed;
int deviceCount, delay;
long allocations;
FILE *logFile;

void note(const char *text) {
    if (logFile) {
        fprintf(logFile, "%s\n", text);
        fflush(logFile);
    }
}

// ---- Memory

struct Piece {
    char *mapping;
    size_t mappingBytes;
    size_t bytes;
};
std::map<LabAddress, Piece> pieces;
std::map<char *, size_t> pinned;
bool isOpen;  // whether kernels may touch device memory now

void protect([[maybe_unused]] const Piece &piece, [[maybe_unused]] bool open) {
#ifndef SANITIZED
    mprotect(piece.mapping, piece.mappingBytes - 4096, open ? PROT_READ | PROT_WRITE : PROT_NONE);
#endif
}

void release(std::map<LabAddress, Piece>::iterator found) {
    memoryUsed -= found->second.bytes;
#ifdef SANITIZED
    free(found->second.mapping);
#else
    // The addresses stay taken, so that who still uses them faults.
    mmap(
        found->second.mapping, found->second.mappingBytes, PROT_NONE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0
    );
#endif
    pieces.erase(found);
}

[[maybe_unused]] const unsigned char canary = 0xA5;

/// Whether the bytes between the end of a piece and its guard page are as they were.
bool isWhole([[maybe_unused]] LabAddress address, [[maybe_unused]] const Piece &piece) {
#ifndef SANITIZED
    if (!isOpen) protect(piece, true);
    bool whole = true;
    for (char *p = (char *)address + piece.bytes; p < piece.mapping + piece.mappingBytes - 4096; p++) {
        if ((unsigned char)*p != canary) whole = false;
    }
    if (!isOpen) protect(piece, false);
    return whole;
#else
    return true;
#endif
}

/// The piece that holds a range of device memory entirely.
bool isInside(LabAddress address, size_t bytes) {
    auto next = pieces.upper_bound(address);
    if (next == pieces.begin()) return false;
    auto &[start, piece] = *std::prev(next);
    return address + bytes <= start + piece.bytes;
}

bool isPinned(const void *address) {
    auto next = pinned.upper_bound((char *)address);
    if (next == pinned.begin()) return false;
    auto &[start, bytes] = *std::prev(next);
    return (char *)address < start + bytes;
}

// ---- Faults

thread_local sigjmp_buf faultReturn;
thread_local bool isRunning;
struct sigaction oldFaults[2];

[[maybe_unused]] void onFault(int signal, siginfo_t *, void *) {
    if (isRunning) siglongjmp(faultReturn, signal);
    sigaction(signal, &oldFaults[signal == SIGBUS], nullptr);
}

/// Opens device memory to what runs in `body`, and turns a fault in there into an error of the context.
template <class Body> int guarded([[maybe_unused]] const char *name, Body body) {
    // Nested: a graph's nodes run inside its launch.
    if (isRunning) return body();
#ifdef SANITIZED
    isRunning = true;
    int result = body();
    isRunning = false;
    return result;
#else
    static thread_local char *alternate = nullptr;
    if (!alternate) alternate = (char *)malloc(65536);
    stack_t own = {alternate, 0, 65536}, before;
    sigaltstack(&own, &before);
    struct sigaction action = {};
    action.sa_sigaction = onFault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, &oldFaults[0]);
    sigaction(SIGBUS, &action, &oldFaults[1]);
    int result;
    isRunning = true;
    if (sigsetjmp(faultReturn, 1) == 0) {
        result = body();
    } else {
        problem = std::string(name) + " touches memory that is not there";
        abandonFibers();
        result = illegalAddress;
    }
    isRunning = false;
    sigaction(SIGSEGV, &oldFaults[0], nullptr);
    sigaction(SIGBUS, &oldFaults[1], nullptr);
    if (!(before.ss_flags & SS_DISABLE)) sigaltstack(&before, nullptr);
    return result;
#endif
}

// ---- Streams

const char *runningOperation = "nothing";

int perform(Operation &operation) {
    note(operation.name);
    runningOperation = operation.name;
    int result = guarded(operation.name, operation.run);
    if (result == success) {
        for (auto &[address, piece] : pieces) {
            if (!isWhole(address, piece)) {
                problem = std::string(operation.name) + " writes behind the end of a piece of memory";
                result = illegalAddress;
            }
        }
    }
    if (result != success) {
        stickyError = result;
        if (logFile) {
            fprintf(logFile, "failed: %s\n", problem.c_str());
            fflush(logFile);
        }
    }
    return result;
}

void openMemory(bool open) {
    if (isOpen == open) return;
    isOpen = open;
    for (auto &[_, piece] : pieces) protect(piece, open);
}

/// Runs one operation that may run now. False where none may.
bool step() {
    std::vector<LabStream> ready;
    for (LabStream stream : streams) {
        if (!stream->queue.empty() && (!stream->queue.front().isReady || stream->queue.front().isReady()))
            ready.push_back(stream);
    }
    if (ready.empty()) return false;
    LabStream stream = ready[chance() % ready.size()];
    Operation operation = std::move(stream->queue.front());
    stream->queue.pop_front();
    if (!stickyError) perform(operation);
    return true;
}

/// Runs until the condition holds.
template <class Condition> int runUntil(Condition condition) {
    openMemory(true);
    while (!stickyError && !condition()) {
        if (!step()) {
            problem = "work waits for an event that never comes";
            stickyError = launchFailed;
        }
    }
    openMemory(false);
    return stickyError;
}

int capturing(LabStream stream) {
    if (stream->capture && stream->capture->isInvalid) return captureInvalidated;
    return success;
}

thread_local std::set<LabStream> capturesOfThread;
/// Calls that a stream being captured in this thread does not allow.
int forbidden() {
    if (capturesOfThread.empty()) return success;
    for (LabStream stream : capturesOfThread) stream->capture->isInvalid = true;
    return captureUnsupported;
}

int enqueue(LabStream stream, Operation operation) {
    Lock lock(mutex);
    if (!current) return invalidContext;
    if (stickyError) return stickyError;
    // Stream 0 would wait for every other one; the library promises not to use it.
    if (!streams.count(stream)) return invalidHandle;
    if (stream->capture) {
        if (int error = capturing(stream)) return error;
        auto &nodes = stream->capture->nodes;
        nodes.push_back({std::move(operation), stream->last});
        stream->last = {(int)nodes.size() - 1};
        return success;
    }
    stream->queue.push_back(std::move(operation));
    // Some of it may run at once: a stream is no promise that nothing has happened yet. Not often: to open all memory and close
    // it again costs more than most kernels here.
    if (chance() % 16 == 0) {
        openMemory(true);
        for (int i = chance() % 12; i > 0 && !stickyError && step(); i--) {}
        openMemory(false);
    }
    return success;
}

struct Range {
    LabAddress start;
    size_t bytes;
};
/// Queues a copy or a fill, which touches these ranges of device memory.
template <class Body> int transfer(LabStream stream, const char *name, std::vector<Range> ranges, Body body) {
    auto run = [=] {
        for (Range range : ranges) {
            if (isInside(range.start, range.bytes)) continue;
            problem = std::string("a ") + name + " goes outside of the device's memory";
            return (int)illegalAddress;
        }
        body();
        return (int)success;
    };
    return enqueue(stream, {name, run, nullptr});
}

int runNodes(std::vector<GraphNode> &nodes) {
    std::vector<bool> isDone(nodes.size());
    for (size_t left = nodes.size(); left > 0; left--) {
        std::vector<int> ready;
        for (size_t i = 0; i < nodes.size(); i++) {
            bool may = !isDone[i];
            for (int need : nodes[i].needs) may = may && isDone[need];
            if (may) ready.push_back(i);
        }
        int chosen = ready[chance() % ready.size()];
        if (int error = perform(nodes[chosen].operation)) return error;
        isDone[chosen] = true;
    }
    return success;
}

#define ENTER \
    Lock lock(mutex); \
    if (!isInitialized) return notInitialized;
#define ENTER_CONTEXT \
    ENTER \
    if (!current) return invalidContext; \
    if (stickyError) return stickyError;

}  // namespace

// ---- What the other simulated libraries and the tests use

extern "C" int simulated_enqueue(LabStream stream, const char *name, std::function<int()> *work) {
    return enqueue(stream, {name, *work, nullptr});
}
/// What went wrong last, in words.
extern "C" const char *simulated_problem() { return problem.c_str(); }
extern "C" void simulated_set_order(const char *name) {
    order = !strcmp(name, "random")       ? Order::random
            : !strcmp(name, "descending") ? Order::descending
                                          : Order::ascending;
}
/// As after the start of the process, except that modules stay loaded: reads the settings anew and forgets errors.
extern "C" void simulated_reset() {
    Lock lock(mutex);
    stickyError = 0;
    problem = "";
    allocations = 0;
    for (LabStream stream : streams) {
        stream->queue.clear();
        stream->capture = nullptr;
    }
    while (!pieces.empty()) release(pieces.begin());
    capturesOfThread.clear();
    chance.seed(strtoull(setting("SIMULATED_GPU_SEED", "1"), nullptr, 10));
    simulated_set_order(setting("SIMULATED_GPU_ORDER", "ascending"));
    memoryLimit = strtoull(setting("SIMULATED_GPU_MEMORY", "1073741824"), nullptr, 10);
    deviceCount = atoi(setting("SIMULATED_GPU_COUNT", "1"));
    delay = atoi(setting("SIMULATED_GPU_DELAY", "0"));
    if (logFile) fclose(logFile);
    const char *file = setting("SIMULATED_GPU_LOG", "");
    logFile = *file ? fopen(file, "a") : nullptr;
}
extern "C" long simulated_allocations() { return allocations; }
extern "C" size_t simulated_memory_used() { return memoryUsed; }
extern "C" size_t simulated_memory_total() { return memoryLimit; }

// ---- The driver's own entry points

extern "C" int cuInit(unsigned int flags) {
    Lock lock(mutex);
    if (flags) return invalidValue;
    if (!isInitialized) simulated_reset();
#ifdef SANITIZED
    // A module lies in memory only, where no symboliser finds the names of its kernels.
    __sanitizer_set_death_callback([] { fprintf(stderr, "while the simulated GPU ran %s\n", runningOperation); });
#endif
    isInitialized = true;
    return deviceCount ? success : noDevice;
}
extern "C" int cuDriverGetVersion(int *version) {
    *version = atoi(setting("SIMULATED_GPU_DRIVER", "13000"));
    return success;
}

namespace {
const struct {
    int code;
    const char *name, *text;
} descriptions[] = {
    {success, "CUDA_SUCCESS", "no error"},
    {invalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {outOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {notInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {noDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {invalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {invalidImage, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {invalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {invalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {notFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {illegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {launchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {captureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {captureInvalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {captureUnmatched, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not started in this stream"},
    {captureUnjoined, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"},
    {captureIsolation, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
     "dependency created on uncaptured work in another stream"},
};
}  // namespace
extern "C" int cuGetErrorName(int result, const char **name) {
    *name = nullptr;
    for (auto &entry : descriptions)
        if (entry.code == result) *name = entry.name;
    return *name ? success : invalidValue;
}
extern "C" int cuGetErrorString(int result, const char **text) {
    *text = nullptr;
    for (auto &entry : descriptions)
        if (entry.code == result) *text = entry.text;
    return *text ? success : invalidValue;
}

extern "C" int cuDeviceGetCount(int *count) {
    ENTER *count = deviceCount;
    return success;
}
extern "C" int cuDeviceGet(int *device, int ordinal) {
    ENTER
    if (ordinal < 0 || ordinal >= deviceCount) return invalidDevice;
    *device = ordinal;
    return success;
}
extern "C" int cuDeviceGetName(char *name, int size, int device) {
    ENTER
    if (device < 0 || device >= deviceCount) return invalidDevice;
    snprintf(name, size, "Simulated GPU %d", device);
    return success;
}
extern "C" int cuDeviceGetPCIBusId(char *id, int size, int device) {
    ENTER snprintf(id, size, "0000:%02X:00.0", device + 1);
    return success;
}
extern "C" int cuDeviceGetAttribute(int *value, int attribute, int) {
    ENTER
    switch (attribute) {
    case LAB_CAPABILITY_MAJOR:
        *value = 9;
        return success;
    case LAB_CAPABILITY_MINOR:
        *value = 0;
        return success;
    case LAB_MULTIPROCESSORS:
        *value = 2;
        return success;
    default:
        return invalidValue;
    }
}

extern "C" int cuDevicePrimaryCtxRetain(LabContext *context, int device) {
    ENTER
    if (device < 0 || device >= deviceCount) return invalidDevice;
    contexts[device].device = device;
    *context = &contexts[device];
    return success;
}
extern "C" int cuDevicePrimaryCtxRelease_v2(int) { ENTER return success; }
extern "C" int cuCtxSetCurrent(LabContext context) {
    ENTER current = context;
    return success;
}

extern "C" int cuMemGetInfo_v2(size_t *free, size_t *total) {
    ENTER_CONTEXT
    *total = memoryLimit;
    *free = memoryLimit - memoryUsed;
    return success;
}
extern "C" int cuMemAlloc_v2(LabAddress *address, size_t bytes) {
    ENTER_CONTEXT
    if (int error = forbidden()) return error;
    if (!bytes) return invalidValue;
    if (bytes > memoryLimit - memoryUsed) return outOfMemory;
    allocations++;
#ifdef SANITIZED
    void *memory;
    if (posix_memalign(&memory, 256, bytes)) return outOfMemory;
    Piece piece = {(char *)memory, 0, bytes};
    *address = (LabAddress)memory;
#else
    const size_t rounded = (bytes + 255) / 256 * 256, whole = (rounded + 4095) / 4096 * 4096;
    Piece piece = {nullptr, whole + 4096, bytes};
    piece.mapping =
        (char *)mmap(nullptr, piece.mappingBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece.mapping == MAP_FAILED) return outOfMemory;
    mprotect(piece.mapping + whole, 4096, PROT_NONE);
    *address = (LabAddress)(piece.mapping + whole - rounded);
#endif
    memset((void *)*address, 0xff, bytes);
#ifndef SANITIZED
    memset((char *)*address + bytes, canary, rounded - bytes);
    if (!isOpen) protect(piece, false);
#endif
    pieces[*address] = piece;
    memoryUsed += bytes;
    return success;
}
extern "C" int cuMemFree_v2(LabAddress address) {
    ENTER_CONTEXT
    if (int error = forbidden()) return error;
    auto found = pieces.find(address);
    if (found == pieces.end()) return invalidValue;
    release(found);
    return success;
}
extern "C" int cuMemHostAlloc(void **memory, size_t bytes, unsigned int) {
    ENTER_CONTEXT
    if (int error = forbidden()) return error;
    if (posix_memalign(memory, 4096, bytes)) return outOfMemory;
    memset(*memory, 0xff, bytes);
    pinned[(char *)*memory] = bytes;
    return success;
}
extern "C" int cuMemFreeHost(void *memory) {
    ENTER_CONTEXT
    if (!pinned.erase((char *)memory)) return invalidValue;
    free(memory);
    return success;
}

extern "C" int cuMemcpyHtoDAsync_v2(LabAddress to, const void *from, size_t bytes, LabStream stream) {
    const char *name = "copy to device";
    if (isPinned(from)) return transfer(stream, name, {{to, bytes}}, [=] { memcpy((void *)to, from, bytes); });
    {
        Lock lock(mutex);
        if (streams.count(stream) && stream->capture) {
            stream->capture->isInvalid = true;
            return captureUnsupported;
        }
    }
    // Of memory that is not pinned the driver takes a copy before it returns.
    auto copy = std::make_shared<std::vector<char>>((const char *)from, (const char *)from + bytes);
    return transfer(stream, name, {{to, bytes}}, [=] { memcpy((void *)to, copy->data(), bytes); });
}
extern "C" int cuMemcpyDtoHAsync_v2(void *to, LabAddress from, size_t bytes, LabStream stream) {
    return transfer(stream, "copy from device", {{from, bytes}}, [=] { memcpy(to, (void *)from, bytes); });
}
extern "C" int cuMemcpyDtoDAsync_v2(LabAddress to, LabAddress from, size_t bytes, LabStream stream) {
    return transfer(
        stream, "copy on device", {{from, bytes}, {to, bytes}}, [=] { memmove((void *)to, (void *)from, bytes); }
    );
}
extern "C" int cuMemsetD8Async(LabAddress to, unsigned char value, size_t count, LabStream stream) {
    return transfer(stream, "fill", {{to, count}}, [=] { memset((void *)to, value, count); });
}
extern "C" int cuMemsetD32Async(LabAddress to, unsigned int value, size_t count, LabStream stream) {
    return transfer(stream, "fill", {{to, 4 * count}}, [=] {
        std::fill((unsigned int *)to, (unsigned int *)to + count, value);
    });
}

extern "C" int cuStreamCreate(LabStream *stream, unsigned int) {
    ENTER_CONTEXT
    *stream = new LabStream_;
    streams.insert(*stream);
    return success;
}
extern "C" int cuStreamSynchronize(LabStream stream) {
    ENTER_CONTEXT
    if (!streams.count(stream)) return invalidHandle;
    if (stream->capture) {
        stream->capture->isInvalid = true;
        return captureUnsupported;
    }
    return runUntil([=] { return stream->queue.empty(); });
}
extern "C" int cuStreamDestroy_v2(LabStream stream) {
    // What is queued still runs.
    if (int error = cuStreamSynchronize(stream)) {
        if (error == invalidHandle) return error;
    }
    Lock lock(mutex);
    streams.erase(stream);
    delete stream;
    return success;
}
extern "C" int cuStreamWaitEvent(LabStream stream, LabEvent event, unsigned int) {
    ENTER_CONTEXT
    if (!streams.count(stream) || !events.count(event)) return invalidHandle;
    if (event->capture) {
        if (stream->capture && stream->capture != event->capture) return captureIsolation;
        if (!stream->capture) {
            stream->capture = event->capture;
            event->capture->streams.insert(stream);
        }
        stream->last.insert(stream->last.end(), event->nodes.begin(), event->nodes.end());
        return success;
    }
    if (stream->capture) {
        stream->capture->isInvalid = true;
        return captureIsolation;
    }
    auto state = event->state;
    const long ticket = state->recorded;
    return enqueue(stream, {"wait", [] { return (int)success; }, [=] { return state->completed >= ticket; }});
}

extern "C" int cuEventCreate(LabEvent *event, unsigned int) {
    ENTER_CONTEXT
    *event = new LabEvent_;
    events.insert(*event);
    return success;
}
extern "C" int cuEventDestroy_v2(LabEvent event) {
    ENTER
    if (!events.erase(event)) return invalidHandle;
    delete event;
    return success;
}
extern "C" int cuEventRecord(LabEvent event, LabStream stream) {
    ENTER_CONTEXT
    if (!streams.count(stream) || !events.count(event)) return invalidHandle;
    event->capture = stream->capture;
    if (stream->capture) {
        event->nodes = stream->last;
        return success;
    }
    auto state = event->state;
    const long ticket = ++state->recorded;
    state->time = std::chrono::steady_clock::now();
    return enqueue(
        stream, {"event",
                 [=] {
                     state->completed = std::max(state->completed, ticket);
                     return (int)success;
                 },
                 nullptr}
    );
}

/// Whether all that was queued when it was last recorded has run. The card goes on by itself: with each question some of it
/// runs, and SIMULATED_GPU_DELAY after the recording at the earliest all of it has.
extern "C" int cuEventQuery(LabEvent event) {
    ENTER_CONTEXT
    if (!events.count(event)) return invalidHandle;
    if (event->capture) return captureUnsupported;
    auto state = event->state;
    if (std::chrono::steady_clock::now() - state->time < std::chrono::milliseconds(delay)) return notReady;
    openMemory(true);
    for (int i = 1 + chance() % 64; i > 0 && !stickyError && state->completed < state->recorded; i--) {
        if (step()) continue;
        problem = "work waits for an event that never comes";
        stickyError = launchFailed;
    }
    openMemory(false);
    return stickyError ? stickyError : state->completed < state->recorded ? notReady : success;
}

extern "C" int cuModuleLoadDataEx(LabModule *module, const void *image, unsigned int, int *, void **) {
    ENTER_CONTEXT
    // A module of the simulation is a shared library; the ELF header of a cubin says how long it is, and ours too.
    struct Header {
        char magic[8];
        uint64_t bytes;
    };
    const Header *header = (const Header *)image;
    if (memcmp(header->magic, "SIMCUBIN", 8)) return invalidImage;
    int file = memfd_create("module", 0);
    const char *from = (const char *)image + sizeof(Header);
    for (size_t done = 0; done < header->bytes;) {
        ssize_t wrote = write(file, from + done, header->bytes - done);
        if (wrote <= 0) {
            close(file);
            return outOfMemory;
        }
        done += wrote;
    }
    std::string path = "/proc/self/fd/" + std::to_string(file);
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) problem = dlerror();
    // Kept open: another module would get the same number, and with it the same library.
    if (!library) {
        close(file);
        return invalidImage;
    }
    struct Listed {
        const char *name;
        void (*call)(void **);
        int count;
        const int *sizes;
    };
    auto connect = (void (*)(Core *))dlsym(library, "simulated_connect");
    auto list = (const Listed *(*)(int *, char **, char **))dlsym(library, "simulated_list");
    connect(&core);
    int count = 0;
    char *start = nullptr, *end = nullptr;
    const Listed *listed = list(&count, &start, &end);
    *module = new LabModule_{library, {}};
    for (int i = 0; i < count; i++) {
        LabFunction_ &function = (*module)->functions[listed[i].name];
        function.name = listed[i].name;
        function.call = listed[i].call;
        function.sizes.assign(listed[i].sizes, listed[i].sizes + listed[i].count);
        function.sharedStart = start;
        function.sharedEnd = end;
    }
    return success;
}
extern "C" int cuModuleGetFunction(LabFunction *function, LabModule module, const char *name) {
    ENTER_CONTEXT
    auto found = module->functions.find(name);
    if (found == module->functions.end()) return notFound;
    *function = &found->second;
    return success;
}

extern "C" int cuLaunchKernel(
    LabFunction function, unsigned int gridX, unsigned int gridY, unsigned int gridZ, unsigned int blockX,
    unsigned int blockY, unsigned int blockZ, unsigned int sharedBytes, LabStream stream, void **arguments, void **extra
) {
    if (!gridX || !gridY || !gridZ || !blockX || !blockY || !blockZ || gridY > 65535 || gridZ > 65535
        || blockX * blockY * blockZ > 1024 || extra || sharedBytes)
        return invalidValue;
    // What the arguments are is settled now; what lies at the addresses among them is not.
    auto bytes = std::make_shared<std::vector<std::vector<char>>>();
    for (size_t i = 0; i < function->sizes.size(); i++) {
        bytes->emplace_back((char *)arguments[i], (char *)arguments[i] + function->sizes[i]);
    }
    return enqueue(
        stream, {function->name.c_str(),
                 [=] {
                     std::vector<void *> addresses;
                     for (auto &argument : *bytes) addresses.push_back(argument.data());
                     std::string wrong = runGrid(
                         {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, order, chance, function->sharedStart,
                         function->sharedEnd, [&] { function->call(addresses.data()); }
                     );
                     if (wrong.empty()) return (int)success;
                     problem = function->name + ": " + wrong;
                     return (int)launchFailed;
                 },
                 nullptr}
    );
}

// ---- Graphs

extern "C" int cuStreamBeginCapture_v2(LabStream stream, int mode) {
    ENTER_CONTEXT
    if (!streams.count(stream)) return invalidHandle;
    if (stream->capture) return captureUnsupported;
    stream->capture = std::make_shared<Capture>();
    stream->capture->origin = stream;
    stream->capture->streams.insert(stream);
    stream->last.clear();
    // The relaxed mode leaves it to the program what it does meanwhile.
    if (mode != LAB_CAPTURE_RELAXED) capturesOfThread.insert(stream);
    return success;
}
extern "C" int cuStreamEndCapture(LabStream stream, LabGraph *graph) {
    ENTER_CONTEXT
    *graph = nullptr;
    if (!streams.count(stream)) return invalidHandle;
    auto capture = stream->capture;
    if (!capture || capture->origin != stream) return captureUnmatched;
    // Everything that another stream did has to be awaited by this one.
    std::set<int> needed(stream->last.begin(), stream->last.end());
    for (int i = (int)capture->nodes.size() - 1; i >= 0; i--) {
        if (needed.count(i)) needed.insert(capture->nodes[i].needs.begin(), capture->nodes[i].needs.end());
    }
    capturesOfThread.erase(stream);
    for (LabStream each : capture->streams) {
        if (streams.count(each)) {
            each->capture = nullptr;
            each->last.clear();
        }
    }
    if (capture->isInvalid) return captureInvalidated;
    if (needed.size() != capture->nodes.size()) return captureUnjoined;
    *graph = new LabGraph_{capture->nodes};
    return success;
}
extern "C" int cuGraphInstantiateWithFlags(LabGraphExec *exec, LabGraph graph, unsigned long long) {
    ENTER_CONTEXT
    *exec = new LabGraphExec_{graph->nodes};
    return success;
}
extern "C" int cuGraphLaunch(LabGraphExec exec, LabStream stream) {
    auto nodes = std::make_shared<std::vector<GraphNode>>(exec->nodes);
    return enqueue(stream, {"graph", [=] { return runNodes(*nodes); }, nullptr});
}
extern "C" int cuGraphExecDestroy(LabGraphExec exec) {
    ENTER delete exec;
    return success;
}
extern "C" int cuGraphDestroy(LabGraph graph) {
    ENTER delete graph;
    return success;
}
