// NVIDIA's libraries, found when the program runs: nothing of CUDA is needed to build.
//
// Each function below is called through a thunk, `lab_<name>`, that looks the symbol up in its library when it is first
// used. So an old driver that lacks one function is in nobody's way until that function is called. The types are our
// own; Tests/CUDA holds them against the real headers, and the names against the real libraries.
#ifndef CCUDA_H
#define CCUDA_H

#include <stddef.h>
#include <stdint.h>

// ---- Libraries

typedef enum { LAB_DRIVER, LAB_NVRTC, LAB_CUBLAS, LAB_CUBLASLT, LAB_CUDNN, LAB_NVML, LAB_LIBRARY_COUNT } LabLibrary;

/// Thunks return this where the library is not open or lacks the function: `lab_missing_function` says which.
enum { LAB_FUNCTION_MISSING = -1 };

/// The handle that `dlopen` gave, or NULL to forget a library and what was looked up in it.
void lab_use_library(LabLibrary library, void *handle);
/// The function that the calling thread last asked for in vain, else NULL.
const char *lab_missing_function(void);
/// The file that a library was loaded from, else NULL.
const char *lab_library_path(void *handle);

// ---- Types

typedef struct LabContext_ *LabContext;
typedef struct LabModule_ *LabModule;
typedef struct LabFunction_ *LabFunction;
typedef struct LabStream_ *LabStream;
typedef struct LabEvent_ *LabEvent;
typedef struct LabGraph_ *LabGraph;
typedef struct LabGraphExec_ *LabGraphExec;
typedef struct LabProgram_ *LabProgram;
typedef struct LabBlas_ *LabBlas;
typedef struct LabBlasLt_ *LabBlasLt;
typedef struct LabCudnn_ *LabCudnn;
typedef struct LabMonitor_ *LabMonitor;
typedef uint64_t LabAddress;          // of device memory: nothing that the processor may follow

typedef struct { unsigned long long total, free, used; } LabMonitorMemory;
typedef struct { unsigned int gpu, memory; } LabMonitorUtilization;   // percent

// Results of the driver that are told apart.
enum { LAB_SUCCESS = 0, LAB_OUT_OF_MEMORY = 2, LAB_NO_DEVICE = 100, LAB_NOT_READY = 600, LAB_ILLEGAL_ADDRESS = 700 };
// Attributes of a device.
enum { LAB_MULTIPROCESSORS = 16, LAB_CAPABILITY_MAJOR = 75, LAB_CAPABILITY_MINOR = 76 };
enum {
    LAB_STREAM_NON_BLOCKING = 1, LAB_EVENT_DISABLE_TIMING = 2, LAB_CAPTURE_THREAD_LOCAL = 1, LAB_CAPTURE_RELAXED = 2,
};
// cuBLAS.
enum { LAB_BLAS_PLAIN = 0, LAB_BLAS_TRANSPOSED = 1 };
// The type of numbers in memory, what products of them may be rounded to, and that cuBLAS chooses how.
enum { LAB_BLAS_FLOAT32 = 0, LAB_BLAS_BY_BFLOAT16 = 75, LAB_BLAS_BY_TF32 = 77, LAB_BLAS_ANY_ALGORITHM = -1 };
enum { LAB_TEMPERATURE_GPU = 0 };

// ---- Functions: F(library, name, (parameters), (arguments))

#define LAB_DRIVER_FUNCTIONS(F) \
    F(LAB_DRIVER, cuInit, (unsigned int flags), (flags)) \
    F(LAB_DRIVER, cuDriverGetVersion, (int *version), (version)) \
    F(LAB_DRIVER, cuGetErrorName, (int result, const char **name), (result, name)) \
    F(LAB_DRIVER, cuGetErrorString, (int result, const char **text), (result, text)) \
    F(LAB_DRIVER, cuDeviceGetCount, (int *count), (count)) \
    F(LAB_DRIVER, cuDeviceGet, (int *device, int ordinal), (device, ordinal)) \
    F(LAB_DRIVER, cuDeviceGetName, (char *name, int size, int device), (name, size, device)) \
    F(LAB_DRIVER, cuDeviceGetPCIBusId, (char *id, int size, int device), (id, size, device)) \
    F(LAB_DRIVER, cuDeviceGetAttribute, (int *value, int attribute, int device), (value, attribute, device)) \
    F(LAB_DRIVER, cuDevicePrimaryCtxRetain, (LabContext *context, int device), (context, device)) \
    F(LAB_DRIVER, cuDevicePrimaryCtxRelease_v2, (int device), (device)) \
    F(LAB_DRIVER, cuCtxSetCurrent, (LabContext context), (context)) \
    F(LAB_DRIVER, cuMemGetInfo_v2, (size_t *free, size_t *total), (free, total)) \
    F(LAB_DRIVER, cuMemAlloc_v2, (LabAddress *address, size_t bytes), (address, bytes)) \
    F(LAB_DRIVER, cuMemFree_v2, (LabAddress address), (address)) \
    F(LAB_DRIVER, cuMemHostAlloc, (void **memory, size_t bytes, unsigned int flags), (memory, bytes, flags)) \
    F(LAB_DRIVER, cuMemFreeHost, (void *memory), (memory)) \
    F(LAB_DRIVER, cuMemcpyHtoDAsync_v2, (LabAddress to, const void *from, size_t bytes, LabStream stream), \
      (to, from, bytes, stream)) \
    F(LAB_DRIVER, cuMemcpyDtoHAsync_v2, (void *to, LabAddress from, size_t bytes, LabStream stream), \
      (to, from, bytes, stream)) \
    F(LAB_DRIVER, cuMemcpyDtoDAsync_v2, (LabAddress to, LabAddress from, size_t bytes, LabStream stream), \
      (to, from, bytes, stream)) \
    F(LAB_DRIVER, cuMemsetD8Async, (LabAddress to, unsigned char value, size_t count, LabStream stream), \
      (to, value, count, stream)) \
    F(LAB_DRIVER, cuMemsetD32Async, (LabAddress to, unsigned int value, size_t count, LabStream stream), \
      (to, value, count, stream)) \
    F(LAB_DRIVER, cuStreamCreate, (LabStream *stream, unsigned int flags), (stream, flags)) \
    F(LAB_DRIVER, cuStreamDestroy_v2, (LabStream stream), (stream)) \
    F(LAB_DRIVER, cuStreamSynchronize, (LabStream stream), (stream)) \
    F(LAB_DRIVER, cuStreamWaitEvent, (LabStream stream, LabEvent event, unsigned int flags), (stream, event, flags)) \
    F(LAB_DRIVER, cuEventCreate, (LabEvent *event, unsigned int flags), (event, flags)) \
    F(LAB_DRIVER, cuEventDestroy_v2, (LabEvent event), (event)) \
    F(LAB_DRIVER, cuEventRecord, (LabEvent event, LabStream stream), (event, stream)) \
    F(LAB_DRIVER, cuEventQuery, (LabEvent event), (event)) \
    F(LAB_DRIVER, cuModuleLoadDataEx, \
      (LabModule *module, const void *image, unsigned int count, int *options, void **values), \
      (module, image, count, options, values)) \
    F(LAB_DRIVER, cuModuleGetFunction, (LabFunction *function, LabModule module, const char *name), \
      (function, module, name)) \
    F(LAB_DRIVER, cuLaunchKernel, \
      (LabFunction function, unsigned int gridX, unsigned int gridY, unsigned int gridZ, unsigned int blockX, \
       unsigned int blockY, unsigned int blockZ, unsigned int sharedBytes, LabStream stream, void **arguments, \
       void **extra), \
      (function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, arguments, extra)) \
    F(LAB_DRIVER, cuStreamBeginCapture_v2, (LabStream stream, int mode), (stream, mode)) \
    F(LAB_DRIVER, cuStreamEndCapture, (LabStream stream, LabGraph *graph), (stream, graph)) \
    F(LAB_DRIVER, cuGraphInstantiateWithFlags, (LabGraphExec *exec, LabGraph graph, unsigned long long flags), \
      (exec, graph, flags)) \
    F(LAB_DRIVER, cuGraphLaunch, (LabGraphExec exec, LabStream stream), (exec, stream)) \
    F(LAB_DRIVER, cuGraphExecDestroy, (LabGraphExec exec), (exec)) \
    F(LAB_DRIVER, cuGraphDestroy, (LabGraph graph), (graph))

#define LAB_NVRTC_FUNCTIONS(F) \
    F(LAB_NVRTC, nvrtcVersion, (int *major, int *minor), (major, minor)) \
    F(LAB_NVRTC, nvrtcGetNumSupportedArchs, (int *count), (count)) \
    F(LAB_NVRTC, nvrtcGetSupportedArchs, (int *architectures), (architectures)) \
    F(LAB_NVRTC, nvrtcCreateProgram, \
      (LabProgram *program, const char *source, const char *name, int count, const char *const *headers, \
       const char *const *names), \
      (program, source, name, count, headers, names)) \
    F(LAB_NVRTC, nvrtcCompileProgram, (LabProgram program, int count, const char *const *options), \
      (program, count, options)) \
    F(LAB_NVRTC, nvrtcGetProgramLogSize, (LabProgram program, size_t *size), (program, size)) \
    F(LAB_NVRTC, nvrtcGetProgramLog, (LabProgram program, char *log), (program, log)) \
    F(LAB_NVRTC, nvrtcGetCUBINSize, (LabProgram program, size_t *size), (program, size)) \
    F(LAB_NVRTC, nvrtcGetCUBIN, (LabProgram program, char *image), (program, image)) \
    F(LAB_NVRTC, nvrtcGetPTXSize, (LabProgram program, size_t *size), (program, size)) \
    F(LAB_NVRTC, nvrtcGetPTX, (LabProgram program, char *text), (program, text)) \
    F(LAB_NVRTC, nvrtcDestroyProgram, (LabProgram *program), (program))

#define LAB_CUBLAS_FUNCTIONS(F) \
    F(LAB_CUBLAS, cublasCreate_v2, (LabBlas *blas), (blas)) \
    F(LAB_CUBLAS, cublasSetStream_v2, (LabBlas blas, LabStream stream), (blas, stream)) \
    F(LAB_CUBLAS, cublasSetWorkspace_v2, (LabBlas blas, void *workspace, size_t bytes), (blas, workspace, bytes)) \
    F(LAB_CUBLAS, cublasDgemmStridedBatched, \
      (LabBlas blas, int aShape, int bShape, int m, int n, int k, const double *alpha, const double *a, int aStride, \
       long long aStep, const double *b, int bStride, long long bStep, const double *beta, double *c, int cStride, \
       long long cStep, int count), \
      (blas, aShape, bShape, m, n, k, alpha, a, aStride, aStep, b, bStride, bStep, beta, c, cStride, cStep, count)) \
    F(LAB_CUBLAS, cublasSgemmStridedBatched, \
      (LabBlas blas, int aShape, int bShape, int m, int n, int k, const float *alpha, const float *a, int aStride, \
       long long aStep, const float *b, int bStride, long long bStep, const float *beta, float *c, int cStride, \
       long long cStep, int count), \
      (blas, aShape, bShape, m, n, k, alpha, a, aStride, aStep, b, bStride, bStep, beta, c, cStride, cStep, count)) \
    F(LAB_CUBLAS, cublasGemmStridedBatchedEx, \
      (LabBlas blas, int aShape, int bShape, int m, int n, int k, const void *alpha, const void *a, int aType, \
       int aStride, long long aStep, const void *b, int bType, int bStride, long long bStep, const void *beta, void *c, \
       int cType, int cStride, long long cStep, int count, int computing, int algorithm), \
      (blas, aShape, bShape, m, n, k, alpha, a, aType, aStride, aStep, b, bType, bStride, bStep, beta, c, cType, \
       cStride, cStep, count, computing, algorithm))

// Nothing calls these yet: the two libraries are looked for, and `doctor` says where they are.
#define LAB_CUBLASLT_FUNCTIONS(F) \
    F(LAB_CUBLASLT, cublasLtCreate, (LabBlasLt *blas), (blas)) \
    F(LAB_CUBLASLT, cublasLtDestroy, (LabBlasLt blas), (blas))
#define LAB_CUDNN_FUNCTIONS(F) \
    F(LAB_CUDNN, cudnnCreate, (LabCudnn *cudnn), (cudnn)) \
    F(LAB_CUDNN, cudnnDestroy, (LabCudnn cudnn), (cudnn)) \
    F(LAB_CUDNN, cudnnSetStream, (LabCudnn cudnn, LabStream stream), (cudnn, stream))

#define LAB_NVML_FUNCTIONS(F) \
    F(LAB_NVML, nvmlInit_v2, (void), ()) \
    F(LAB_NVML, nvmlDeviceGetHandleByPciBusId_v2, (const char *id, LabMonitor *monitor), (id, monitor)) \
    F(LAB_NVML, nvmlDeviceGetMemoryInfo, (LabMonitor monitor, LabMonitorMemory *memory), (monitor, memory)) \
    F(LAB_NVML, nvmlDeviceGetUtilizationRates, (LabMonitor monitor, LabMonitorUtilization *rates), (monitor, rates)) \
    F(LAB_NVML, nvmlDeviceGetTemperature, (LabMonitor monitor, int sensor, unsigned int *celsius), \
      (monitor, sensor, celsius))

#define LAB_FUNCTIONS(F) \
    LAB_DRIVER_FUNCTIONS(F) LAB_NVRTC_FUNCTIONS(F) LAB_CUBLAS_FUNCTIONS(F) LAB_CUBLASLT_FUNCTIONS(F) \
    LAB_CUDNN_FUNCTIONS(F) LAB_NVML_FUNCTIONS(F)

#define LAB_DECLARE(library, name, parameters, arguments) int lab_##name parameters;
LAB_FUNCTIONS(LAB_DECLARE)
#undef LAB_DECLARE

// ---- Kernels

#include "../Kernels/layouts.h"

/// The name and the text of a kernel family, as it lies in `Kernels/<name>.cu`. The first two are `layouts` and
/// `common`, which are put before each of the others.
const char *lab_kernel_name(int number);
const char *lab_kernel_source(int number);
int lab_kernel_count(void);

#endif
