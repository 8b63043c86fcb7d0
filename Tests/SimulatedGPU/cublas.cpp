// libcublas.so for machines that have none: plain loops, queued on the stream like everything else.
#include <CCUDA.h>
#include <functional>

extern "C" int simulated_enqueue(LabStream stream, const char *name, std::function<int()> *work);
struct LabBlas_ {
    LabStream stream = nullptr;
};

namespace {

enum { success = 0, invalidValue = 7, executionFailed = 13 };

/// Column by column, as cuBLAS counts: element (row, column) of c lies at row + column * cStride.
template <class T>
int multiply(
    LabBlas blas, const char *name, bool aTransposed, bool bTransposed, int m, int n, int k, T alpha, const T *a,
    int aStride, long long aStep, const T *b, int bStride, long long bStep, T beta, T *c, int cStride, long long cStep,
    int count
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
                        sum += (double)from[aTransposed ? i + (long long)row * aStride : row + (long long)i * aStride]
                               * with[bTransposed ? column + (long long)i * bStride : i + (long long)column * bStride];
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
        *alpha, a, aStride, aStep, b, bStride, bStep, *beta, c, cStride, cStep, count
    );
}
extern "C" int cublasDgemmStridedBatched(
    LabBlas blas, int aShape, int bShape, int m, int n, int k, const double *alpha, const double *a, int aStride,
    long long aStep, const double *b, int bStride, long long bStep, const double *beta, double *c, int cStride,
    long long cStep, int count
) {
    return multiply(
        blas, "cublasDgemmStridedBatched", aShape == LAB_BLAS_TRANSPOSED, bShape == LAB_BLAS_TRANSPOSED, m, n, k,
        *alpha, a, aStride, aStep, b, bStride, bStep, *beta, c, cStride, cStep, count
    );
}
