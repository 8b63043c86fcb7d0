// Our own declarations of NVIDIA's functions against the real headers. It has only to compile.
#include <cuda.h>
#include <nvrtc.h>
#include <nvml.h>
#ifdef WITH_LIBRARIES
#include <cublasLt.h>
#include <cublas_v2.h>
#include <cudnn.h>
#endif

#include <CCUDA.h>
#include <type_traits>

template <class A, class B> constexpr bool alike();

template <class A, class B> constexpr bool pointeesAlike() {
    if constexpr (std::is_void_v<A> || std::is_void_v<B>) return true;
    // Handles are pointers to structures that nobody sees.
    else if constexpr (std::is_class_v<A> && std::is_class_v<B>) return true;
    else return alike<A, B>();
}
/// Whether two types are passed in the same way and mean the same: pointers, numbers of one size and kind, enumerations
/// as the integers they are.
template <class A, class B> constexpr bool alike() {
    if constexpr (std::is_pointer_v<A> != std::is_pointer_v<B>) return false;
    else if constexpr (std::is_pointer_v<A>) {
        return pointeesAlike<std::remove_cv_t<std::remove_pointer_t<A>>, std::remove_cv_t<std::remove_pointer_t<B>>>();
    } else if constexpr (std::is_floating_point_v<A> != std::is_floating_point_v<B>) return false;
    else if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
        return sizeof(A) == sizeof(B) && std::is_signed_v<A> == std::is_signed_v<B>;
    } else return sizeof(A) == sizeof(B);
}
template <class, class> struct Same { static constexpr bool value = false; };
template <class R, class... A, class S, class... B> struct Same<R (*)(A...), S (*)(B...)> {
    static constexpr bool value = [] {
        if constexpr (sizeof...(A) != sizeof...(B)) return false;
        else return alike<R, S>() && (alike<A, B>() && ...);
    }();
};

#define CHECK(library, name, parameters, arguments) \
    static_assert(Same<decltype(&::name), int (*) parameters>::value, #name);
LAB_DRIVER_FUNCTIONS(CHECK)
LAB_NVRTC_FUNCTIONS(CHECK)
LAB_NVML_FUNCTIONS(CHECK)

#define EQUAL(ours, theirs) static_assert((int)ours == (int)theirs, #ours);
EQUAL(LAB_SUCCESS, CUDA_SUCCESS)
EQUAL(LAB_OUT_OF_MEMORY, CUDA_ERROR_OUT_OF_MEMORY)
EQUAL(LAB_NO_DEVICE, CUDA_ERROR_NO_DEVICE)
EQUAL(LAB_ILLEGAL_ADDRESS, CUDA_ERROR_ILLEGAL_ADDRESS)
EQUAL(LAB_MULTIPROCESSORS, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
EQUAL(LAB_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
EQUAL(LAB_CAPABILITY_MINOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
EQUAL(LAB_STREAM_NON_BLOCKING, CU_STREAM_NON_BLOCKING)
EQUAL(LAB_EVENT_DISABLE_TIMING, CU_EVENT_DISABLE_TIMING)
EQUAL(LAB_CAPTURE_THREAD_LOCAL, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
EQUAL(LAB_CAPTURE_RELAXED, CU_STREAM_CAPTURE_MODE_RELAXED)
EQUAL(LAB_TEMPERATURE_GPU, NVML_TEMPERATURE_GPU)
static_assert(sizeof(LabAddress) == sizeof(CUdeviceptr));
static_assert(sizeof(LabMonitorMemory) == sizeof(nvmlMemory_t));
static_assert(offsetof(LabMonitorMemory, total) == offsetof(nvmlMemory_t, total));
static_assert(offsetof(LabMonitorMemory, free) == offsetof(nvmlMemory_t, free));
static_assert(offsetof(LabMonitorMemory, used) == offsetof(nvmlMemory_t, used));
static_assert(sizeof(LabMonitorUtilization) == sizeof(nvmlUtilization_t));
static_assert(offsetof(LabMonitorUtilization, gpu) == offsetof(nvmlUtilization_t, gpu));
static_assert(offsetof(LabMonitorUtilization, memory) == offsetof(nvmlUtilization_t, memory));

#ifdef WITH_LIBRARIES
// In C++ the header has two functions of this name; the library has the one with this type.
using Gemm = cublasStatus_t(
    cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const void *, const void *, cudaDataType, int,
    long long, const void *, cudaDataType, int, long long, const void *, void *, cudaDataType, int, long long, int,
    cublasComputeType_t, cublasGemmAlgo_t
);
constexpr Gemm &chosenGemm = static_cast<Gemm &>(cublasGemmStridedBatchedEx);
#define cublasGemmStridedBatchedEx chosenGemm
LAB_CUBLAS_FUNCTIONS(CHECK)
#undef cublasGemmStridedBatchedEx
LAB_CUBLASLT_FUNCTIONS(CHECK)
LAB_CUDNN_FUNCTIONS(CHECK)
EQUAL(LAB_BLAS_PLAIN, CUBLAS_OP_N)
EQUAL(LAB_BLAS_TRANSPOSED, CUBLAS_OP_T)
EQUAL(LAB_BLAS_FLOAT32, CUDA_R_32F)
EQUAL(LAB_BLAS_BY_BFLOAT16, CUBLAS_COMPUTE_32F_FAST_16BF)
EQUAL(LAB_BLAS_BY_TF32, CUBLAS_COMPUTE_32F_FAST_TF32)
EQUAL(LAB_BLAS_ANY_ALGORITHM, CUBLAS_GEMM_DEFAULT)
#endif
