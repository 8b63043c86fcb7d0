// What kernels get by value, laid out alike on both sides: Swift fills it, the kernels read it. Plain C.
#ifndef LAB_LAYOUTS_H
#define LAB_LAYOUTS_H

enum { LAB_MOST_AXES = 8 };

/// Where the elements of two operands lie for an element of the result: axes from the innermost out, each with its size
/// and how far one step along it is in either operand. 0 where an operand is stretched.
typedef struct {
    int rank;
    int sizes[LAB_MOST_AXES];
    long long left[LAB_MOST_AXES];
    long long right[LAB_MOST_AXES];
} LabBroadcast;

/// x [batch, inputs, height, width], weight [outputs, inputs / groups, kernelHeight, kernelWidth],
/// y [batch, outputs, outputHeight, outputWidth].
typedef struct {
    int batch, inputs, height, width, outputs, kernelHeight, kernelWidth, groups;
    int strideHeight, strideWidth, paddingHeight, paddingWidth, dilationHeight, dilationWidth;
    int outputHeight, outputWidth;
} LabConvolution;

/// x [planes, height, width], y [planes, outputHeight, outputWidth]. Adaptive pooling has as many windows as the result
/// has pixels: window i of n goes from floor(i size / n) up to ceil((i + 1) size / n), and the other numbers do not
/// count.
typedef struct {
    int planes, height, width, windowHeight, windowWidth, strideHeight, strideWidth, paddingHeight, paddingWidth;
    int outputHeight, outputWidth, isAdaptive;
} LabPooling;

/// A parameter for an optimizer: device addresses of the values, the gradient and what is kept from step to step.
typedef struct {
    unsigned long long values, gradient, state;
    long long count;
} LabParameter;

#endif
