// Functions of single elements and of pairs, as in Elementwise.swift and Activations.swift.

// y[i] = f(x[i]); `v` is the element, p and q are two numbers that some functions need.
#define UNARY_OF(name, type, T, expression) \
    KERNEL name##_##type(const T *x, T *y, Index count, double p, double q) { \
        EACH(i, count) { \
            const T v = x[i]; \
            y[i] = (expression); \
        } \
    }
#define UNARY(name, single, twofold) UNARY_OF(name, float32, float, single) UNARY_OF(name, float64, double, twofold)

UNARY(negative, -v, -v)
UNARY(exp, expf(v), exp(v))
UNARY(log, logf(v), log(v))
UNARY(log1p, log1pf(v), log1p(v))
UNARY(square_root, sqrtf(v), sqrt(v))
UNARY(sin, sinf(v), sin(v))
UNARY(cos, cosf(v), cos(v))
UNARY(squared, v * v, v * v)
UNARY(magnitude, fabsf(v), fabs(v))
UNARY(sign, v > 0 ? 1.0f : v < 0 ? -1.0f : 0.0f, v > 0 ? 1.0 : v < 0 ? -1.0 : 0.0)
UNARY(floor, floorf(v), floor(v))
UNARY(ceil, ceilf(v), ceil(v))
UNARY(truncated, truncf(v), trunc(v))
UNARY(rounded, rintf(v), rint(v))
UNARY(power_number, powf(v, (float)p), pow(v, p))
UNARY(erf, erff(v), erf(v))
// NaN stays, so that it is noticed.
UNARY(relu, v < 0 ? 0.0f : v, v < 0 ? 0.0 : v)
UNARY(sigmoid, 0.5f * tanhf(0.5f * v) + 0.5f, 0.5 * tanh(0.5 * v) + 0.5)
UNARY(tanh, tanhf(v), tanh(v))
// A number times each element and another one added: scales and offsets known beforehand.
UNARY(linear, (float)p * v + (float)q, p * v + q)
template <class T> __device__ __forceinline__ T clamped_to(T v, T low, T high) {
    const T raised = v >= low ? v : v < low ? low : v;
    return raised > high ? high : raised;
}
UNARY(clamped, clamped_to(v, (float)p, (float)q), clamped_to(v, p, q))

// y[i] = f(a[…], b[…]), broadcast; `a` and `b` are the elements.
#define BINARY_OF(name, type, T, R, expression) \
    KERNEL name##_##type(const T *left, const T *right, R *y, Index count, const LabBroadcast plan) { \
        EACH(i, count) { \
            Index at, with; \
            locate(plan, i, at, with); \
            const T a = left[at], b = right[with]; \
            y[i] = (expression); \
        } \
    }
#define BINARY(name, single, twofold) \
    BINARY_OF(name, float32, float, float, single) BINARY_OF(name, float64, double, double, twofold)
#define CONDITION(name, expression) \
    BINARY_OF(name, float32, float, Byte, expression) BINARY_OF(name, float64, double, Byte, expression)

BINARY(add, a + b, a + b)
BINARY(subtract, a - b, a - b)
BINARY(multiply, a * b, a * b)
BINARY(divide, a / b, a / b)
BINARY(power, powf(a, b), pow(a, b))
// NaN where one of them is.
BINARY(maximum, a > b || a != a ? a : b, a > b || a != a ? a : b)
BINARY(minimum, a < b || a != a ? a : b, a < b || a != a ? a : b)
// The sign is the dividend's.
BINARY(remainder, fmodf(a, b), fmod(a, b))
// Of a gradient and a result what passes, and the two halves of a choice.
BINARY(where_positive, b > 0 ? a : 0.0f, b > 0 ? a : 0.0)
BINARY(where_nonzero, a != 0 ? b : 0.0f, a != 0 ? b : 0.0)
BINARY(where_zero, a == 0 ? b : 0.0f, a == 0 ? b : 0.0)

CONDITION(equal, a == b ? 1 : 0)
CONDITION(not_equal, a != b ? 1 : 0)
CONDITION(less, a < b ? 1 : 0)
CONDITION(less_or_equal, a <= b ? 1 : 0)
CONDITION(greater, a > b ? 1 : 0)
CONDITION(greater_or_equal, a >= b ? 1 : 0)
CONDITION(both, a != 0 && b != 0 ? 1 : 0)
CONDITION(either, a != 0 || b != 0 ? 1 : 0)
