// libcublas.so for machines that have none: plain loops, queued on the stream like everything else.
#include <CCUDA.h>
#include <cstring>
#include <functional>

extern "C" int simulated_enqueue(LabStream stream, const char *name, std::function<int()> *work);
struct LabBlas_ {
    LabStream stream = nullptr;
};

namespace {

enum { success = 0, invalidValue = 7, executionFailed = 13, notSupported = 15 };

float exact(float x) { return x; }
/// The float with the last `bits` of it rounded away, to the nearest and of two to the even one.
template <int bits> float rounded(float x) {
    unsigned word;
    memcpy(&word, &x, 4);
    if ((word & 0x7f800000) == 0x7f800000) return x;
    word += (1u << (bits - 1)) - 1 + (word >> bits & 1);
    word &= ~0u << bits;
    memcpy(&x, &word, 4);
    return x;
}

/// Column by column, as cuBLAS counts: element (row, column) of c lies at row + column * cStride. `factor` is what
/// becomes of a number before it is multiplied.
template <class T, class Factor>
int multiply(
    LabBlas blas, const char *name, bool aTransposed, bool bTransposed, int m, int n, int k, T alpha, const T *a,
    int aStride, long long aStep, const T *b, int bStride, long long bStep, T beta, T *c, int cStride, long long cStep,
    int count, Factor factor
) {
    if (m < 0 || n < 0 || k < 0 || aStride < (aTransposed ? k : m) || bStride < (bTransposed ? n : k) || cStride < m)
        return invalidValue;
    std::function<int()> work = [=] {
        for (int part = 0; part < count; part++) {
            const T *from = a + part * aStep, *with = b + part * bStep;
            T *to = c + part * cStep;
            for (int column = 0; column < n; column++) {
                for (int row = 0; row < m; row++) {
                    double sum = 0;
                    for (int i = 0; i < k; i++) {
                        const T one = from[aTransposed ? i + (long long)row * aStride : row + (long long)i * aStride];
                        const T other =
                            with[bTransposed ? column + (long long)i * bStride : i + (long long)column * bStride];
                        sum += (double)factor(one) * factor(other);
                    }
                    T &target = to[row + (long long)column * cStride];
                    // With beta = 0 what was there does not count, not even NaN.
                    target = (T)(alpha * sum) + (beta == 0 ? 0 : beta * target);
                }
            }
        }
        return 0;
    };
    return simulated_enqueue(blas->stream, name, &work) == 0 ? success : executionFailed;
}

}  // namespace

extern "C" int cublasCreate_v2(LabBlas *blas) {
    *blas = new LabBlas_;
    return success;
}
extern "C" int cublasSetStream_v2(LabBlas blas, LabStream stream) {
    blas->stream = stream;
    return success;
}
extern "C" int cublasSetWorkspace_v2(LabBlas, void *, size_t) { return success; }
extern "C" int cublasSgemmStridedBatched(
    LabBlas blas, int aShape, int bShape, int m, int n, int k, const float *alpha, const float *a, int aStride,
    long long aStep, const float *b, int bStride, long long bStep, const float *beta, float *c, int cStride,
    long long cStep, int count
) {
    return multiply(
        blas, "cublasSgemmStridedBatched", aShape == LAB_BLAS_TRANSPOSED, bShape == LAB_BLAS_TRANSPOSED, m, n, k,
        *alpha, a, aStride, aStep, b, bStride, bStep, *beta, c, cStride, cStep, count, exact
    );
}
extern "C" int cublasDgemmStridedBatched(
    LabBlas blas, int aShape, int bShape, int m, int n, int k, const double *alpha, const double *a, int aStride,
    long long aStep, const double *b, int bStride, long long bStep, const double *beta, double *c, int cStride,
    long long cStep, int count
) {
    return multiply(
        blas, "cublasDgemmStridedBatched", aShape == LAB_BLAS_TRANSPOSED, bShape == LAB_BLAS_TRANSPOSED, m, n, k,
        *alpha, a, aStride, aStep, b, bStride, bStep, *beta, c, cStride, cStep, count, [](double x) { return x; }
    );
}
/// Of floats alone, with factors as tensor cores take them.
extern "C" int cublasGemmStridedBatchedEx(
    LabBlas blas, int aShape, int bShape, int m, int n, int k, const void *alpha, const void *a, int aType, int aStride,
    long long aStep, const void *b, int bType, int bStride, long long bStep, const void *beta, void *c, int cType,
    int cStride, long long cStep, int count, int computing, int algorithm
) {
    if (aType != LAB_BLAS_FLOAT32 || bType != LAB_BLAS_FLOAT32 || cType != LAB_BLAS_FLOAT32) return notSupported;
    if (algorithm != LAB_BLAS_ANY_ALGORITHM) return notSupported;
    if (computing != LAB_BLAS_BY_TF32 && computing != LAB_BLAS_BY_BFLOAT16) return notSupported;
    return multiply(
        blas, "cublasGemmStridedBatchedEx", aShape == LAB_BLAS_TRANSPOSED, bShape == LAB_BLAS_TRANSPOSED, m, n, k,
        *(const float *)alpha, (const float *)a, aStride, aStep, (const float *)b, bStride, bStep, *(const float *)beta,
        (float *)c, cStride, cStep, count, computing == LAB_BLAS_BY_TF32 ? rounded<13> : rounded<16>
    );
}
