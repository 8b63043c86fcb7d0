// From any type of element to any other, as Conversion.swift does it: fractions are cut off, what lies beyond the new
// type's range goes to its end, NaN becomes 0, and as `bool` everything but 0 is true.

struct Bfloat { unsigned short bits; };
struct Truth { Byte bits; };

__device__ __forceinline__ double widened(float x) { return x; }
__device__ __forceinline__ double widened(double x) { return x; }
__device__ __forceinline__ double widened(int x) { return x; }
__device__ __forceinline__ double widened(Byte x) { return x; }
__device__ __forceinline__ double widened(Truth x) { return x.bits; }
__device__ __forceinline__ double widened(Bfloat x) { return __uint_as_float((Word)x.bits << 16); }

__device__ __forceinline__ double bounded(double x, double low, double high) {
    return x != x ? 0 : x < low ? low : x > high ? high : x;
}
__device__ __forceinline__ void put(float &to, double x) { to = (float)x; }
__device__ __forceinline__ void put(double &to, double x) { to = x; }
__device__ __forceinline__ void put(int &to, double x) { to = (int)bounded(x, -2147483648.0, 2147483647.0); }
__device__ __forceinline__ void put(Byte &to, double x) { to = (Byte)bounded(x, 0, 255); }
__device__ __forceinline__ void put(Truth &to, double x) { to.bits = x == 0 ? 0 : 1; }
__device__ __forceinline__ void put(Bfloat &to, double x) {
    // To the nearest, halves to the even one.
    const Word bits = __float_as_uint((float)x);
    to.bits = x != x ? (unsigned short)0x7fc0 : (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

#define CONVERT(from, F, to, T) \
    KERNEL from##_to_##to(const F *x, T *y, Index count) { EACH(i, count) put(y[i], widened(x[i])); }
#define CONVERT_FROM(from, F) \
    CONVERT(from, F, float32, float) CONVERT(from, F, float64, double) CONVERT(from, F, int32, int) \
    CONVERT(from, F, uint8, Byte) CONVERT(from, F, bool, Truth) CONVERT(from, F, bfloat16, Bfloat)
CONVERT_FROM(float32, float)
CONVERT_FROM(float64, double)
CONVERT_FROM(int32, int)
CONVERT_FROM(uint8, Byte)
CONVERT_FROM(bool, Truth)
CONVERT_FROM(bfloat16, Bfloat)
