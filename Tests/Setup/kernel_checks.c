// Every vector kernel against plain loops in double precision, as a program of its own: what a processor that is not at hand
// computes is seen by emulation (test_processors.py), where the Swift tests cannot run. Prints a line for each set of
// kernels that the processor has; ends with 1 where one is beyond 4·ε·Σ|ab|, or beyond what else is said beside it.
#include "CKernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double EPSILON = 0x1p-23;
static const KernelsTable *table;
static int failures;
static long checks;
static double worst;

// ---- Numbers

static uint64_t seed = 1;
// Of both signs, or not below 0: then nothing cancels, and a long sum in one order shows.
static int one_signed;
static float drawn(void) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    float number = (float)(int32_t)(seed >> 32) * 0x1p-31f;
    return one_signed ? fabsf(number) : number;
}
static float *numbers(int64_t count) {
    float *p = aligned_alloc(64, (size_t)(count * 4 + 64) / 64 * 64 + 64);
    for (int64_t i = 0; i < count; i++) p[i] = drawn();
    return p;
}
static float *zeros(int64_t count) { return memset(numbers(count), 0, (size_t)count * 4); }

// ---- Verdicts

static void hold(const char *what, double found, double exact, double bound, double allowed) {
    double error = fabs(found - exact) / (bound > 0 ? bound * EPSILON : 1);
    checks++;
    if (error > worst) worst = error;
    if (!(error <= allowed) && failures++ < 20)
        printf("%s: %s is %.9g and should be %.9g: %.2f of %.0f epsilon\n", table->name, what, found, exact, error, allowed);
}
typedef struct {
    double exact, bound;
} Sum;
static void add(Sum *sum, double a, double b) { sum->exact += a * b, sum->bound += fabs(a * b); }
static void hold_sum(const char *what, double found, Sum sum) { hold(what, found, sum.exact, sum.bound, 4); }

// ---- Products

static void check_products(void) {
    const int64_t inners[] = {1, 2, 37, 64, 65, 200, 1100};
    for (int64_t columns = 1; columns <= 70; columns += columns < 40 ? 1 : 13)
        for (int n = 0; n < 7; n++)
            for (int way = 0; way < 4; way++) {
                int64_t inner = inners[n], rows = (columns + n) % 13 + 1;
                int turned = way & 1, accumulates = way >> 1;
                float *a = numbers(rows * inner), *b = numbers(inner * columns), *c = numbers(rows * columns + 1);
                float *before = numbers(rows * columns);
                memcpy(c, before, (size_t)(rows * columns) * 4);
                c[rows * columns] = 7;
                table->multiply(
                    a, turned ? 1 : inner, turned ? rows : 1, b, columns, c, columns, rows, columns, inner, accumulates);
                for (int64_t i = 0; i < rows; i++)
                    for (int64_t j = 0; j < columns; j++) {
                        Sum sum = {0};
                        if (accumulates) add(&sum, before[i * columns + j], 1);
                        for (int64_t k = 0; k < inner; k++)
                            add(&sum, a[turned ? k * rows + i : i * inner + k], b[k * columns + j]);
                        hold_sum("a product of matrices", c[i * columns + j], sum);
                    }
                hold("what lies behind a product", c[rows * columns], 7, 0, 0);
                free(a), free(b), free(c), free(before);
            }
    for (int64_t inner = 1; inner <= 70; inner++) {
        int64_t outputs = inner % 7 + 1;
        float *w = numbers(outputs * inner), *x = numbers(inner), *bias = numbers(outputs), *y = numbers(outputs);
        table->multiplyVector(w, inner, outputs, inner, x, bias, y);
        for (int64_t o = 0; o < outputs; o++) {
            Sum sum = {bias[o], fabs(bias[o])};
            for (int64_t k = 0; k < inner; k++) add(&sum, w[o * inner + k], x[k]);
            hold_sum("a product with a vector", y[o], sum);
        }
        free(w), free(x), free(bias), free(y);
    }
    for (int64_t rows = 1; rows <= 40; rows++) {
        int64_t columns = rows * 7 % 37 + 1;
        float *from = numbers(rows * columns), *to = numbers(rows * columns);
        table->transpose(from, rows, columns, columns, to, rows);
        for (int64_t i = 0; i < rows * columns; i++)
            hold("a transpose", to[i % columns * rows + i / columns], from[i], 0, 0);
        free(from), free(to);
    }
}

// ---- Winograd's convolution: one image of [inputs][2 * rows + 2][2 * columns + 2], no padding

static void check_winograd(int64_t inputs, int64_t outputs, int64_t rows, int64_t columns) {
    const int64_t tiles = rows * columns, height = 2 * rows + 2, width = 2 * columns + 2;
    const int64_t outHeight = 2 * rows, outWidth = 2 * columns;
    // x[inputs / 16][height][width][16], w[9][inputs][outputs], dy[outputs / 16][outHeight][outWidth][16].
    float *x = numbers(inputs * height * width), *w = numbers(9 * inputs * outputs);
    float *dy = numbers(outputs * outHeight * outWidth), *bias = numbers(outputs);
    float *v = zeros(16 * tiles * inputs), *u = zeros(16 * inputs * outputs), *m = zeros(16 * tiles * outputs);
    float *y = zeros(outputs * outHeight * outWidth), *d = zeros(16 * tiles * outputs);
    float *s = zeros(16 * outputs * inputs), *dw = zeros(outputs * 9 * inputs);
    for (int64_t i = 0; i < inputs; i += 16)
        table->winogradInput(x + i * height * width, width, rows, columns, v + i, inputs, tiles * inputs);
    table->winogradFilters(w, inputs * outputs, inputs * outputs, u, inputs * outputs);
    for (int64_t place = 0; place < 16; place++)
        table->multiply(
            v + place * tiles * inputs, inputs, 1, u + place * inputs * outputs, outputs, m + place * tiles * outputs,
            outputs, tiles, outputs, inputs, 0);
    for (int64_t o = 0; o < outputs; o += 16) {
        table->winogradOutput(
            m + o, outputs, tiles * outputs, bias + o, 0, y + o * outHeight * outWidth, outWidth, rows, columns);
        table->winogradGradient(
            dy + o * outHeight * outWidth, outWidth, rows, columns, d + o, outputs, tiles * outputs);
    }
    for (int64_t place = 0; place < 16; place++)
        table->multiply(
            d + place * tiles * outputs, 1, outputs, v + place * tiles * inputs, inputs, s + place * outputs * inputs,
            inputs, outputs, inputs, tiles, 0);
    for (int64_t o = 0; o < outputs; o++)
        table->winogradFilterGradient(s + o * inputs, outputs * inputs, inputs, dw + o * 9 * inputs, inputs);
#define X(i, row, column) x[(((i) / 16 * height + (row)) * width + (column)) * 16 + (i) % 16]
#define OUT(p, o, row, column) p[(((o) / 16 * outHeight + (row)) * outWidth + (column)) * 16 + (o) % 16]
    // Of large images every fifth pixel will do.
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t at = 0; at < outHeight * outWidth; at += inputs * outHeight * outWidth > 10000 ? 5 : 1) {
            int64_t row = at / outWidth, column = at % outWidth;
            Sum sum = {bias[o], fabs(bias[o])};
            for (int64_t i = 0; i < inputs; i++)
                for (int64_t k = 0; k < 9; k++)
                    add(&sum, X(i, row + k / 3, column + k % 3), w[(k * inputs + i) * outputs + o]);
            hold_sum("Winograd's convolution", OUT(y, o, row, column), sum);
        }
    // A sum over fewer pixels is not computed this way (WinogradConvolution.swift).
    for (int64_t o = 0; o < outputs && outHeight * outWidth >= 512; o++)
        for (int64_t n = 0; n < 9 * inputs; n += inputs > 16 ? 7 : 1) {
            Sum sum = {0};
            for (int64_t at = 0; at < outHeight * outWidth; at++) {
                int64_t row = at / outWidth, column = at % outWidth, k = n / inputs;
                add(&sum, X(n % inputs, row + k / 3, column + k % 3), OUT(dy, o, row, column));
            }
            hold_sum("Winograd's gradient of weights", dw[o * 9 * inputs + n], sum);
        }
    free(x), free(w), free(dy), free(bias), free(v), free(u), free(m), free(y), free(d), free(s), free(dw);
}

// ---- Direct convolutions: 16 images side by side

static void check_convolution(int64_t inputs, int64_t outputs, int64_t rows, int64_t width, int64_t kernel) {
    const int64_t outPitch = (width + 7) / 8 * 8, pitch = outPitch + kernel - 1, inputRows = rows + kernel - 1;
    const int64_t square = kernel * kernel, patch = inputs * square;
    KernelsConvolution sizes = {inputs, outputs, rows, width, inputRows, pitch, outPitch, kernel, 0, inputRows};
    float *x = numbers(inputs * inputRows * pitch * 16), *dy = zeros(outputs * rows * outPitch * 16);
    float *w = numbers(outputs * patch), *bias = numbers(outputs + 16);
    const int64_t block = table->outputBlock, back = table->inputBlock;
    float *forward = zeros((outputs + block) * patch), *backward = zeros((inputs + back) * outputs * square);
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t i = 0; i < inputs; i++)
            for (int64_t k = 0; k < square; k++) {
                float weight = w[(o * inputs + i) * square + k];
                forward[((o / block * inputs + i) * square + k) * block + o % block] = weight;
                backward[((i / back * outputs + o) * square + k) * back + i % back] = weight;
            }
    for (int64_t row = 0; row < outputs * rows; row++)
        for (int64_t n = 0; n < width * 16; n++) dy[row * outPitch * 16 + n] = drawn();
#define PIXEL(p, channel, height, pitch, row, column) p[(((channel) * (height) + (row)) * (pitch) + (column)) * 16 + image]
    float *y = zeros(outputs * rows * outPitch * 16), *dx = zeros(inputs * inputRows * pitch * 16);
    float *dw = zeros(outputs * patch), *db = zeros(outputs);
    float *pooled = zeros(outputs * (rows / 2) * (width / 2) * 16);
    uint8_t *which = (uint8_t *)zeros(outputs * (rows / 2) * (width / 2) * 16);
    table->convolve(&sizes, x, forward, bias, 0, y);
    table->convolvePool(&sizes, x, forward, bias, 0, pooled, which);
    table->dataGradient(&sizes, dy, backward, dx, 0, inputs);
    table->weightGradient(&sizes, x, dy, dw, db, 0, outputs);
    for (int64_t image = 0; image < 16; image += 5)
        for (int64_t row = 0; row < rows; row++)
            for (int64_t column = 0; column < width; column++)
                for (int64_t o = 0; o < outputs; o++) {
                    Sum sum = {bias[o], fabs(bias[o])};
                    for (int64_t n = 0; n < patch; n++)
                        add(&sum,
                            PIXEL(x, n / square, inputRows, pitch, row + n % square / kernel, column + n % kernel),
                            w[o * patch + n]);
                    hold_sum("a direct convolution", PIXEL(y, o, rows, outPitch, row, column), sum);
                    // The larger bound of the four is that of their maximum.
                    if (row / 2 < rows / 2 && column / 2 < width / 2) {
                        float most = PIXEL(pooled, o, rows / 2, width / 2, row / 2, column / 2);
                        checks++;
                        if (most < sum.exact - 4 * EPSILON * sum.bound && failures++ < 20)
                            printf("%s: a pooled convolution is %g, below %g\n", table->name, most, sum.exact);
                        if (PIXEL(which, o, rows / 2, width / 2, row / 2, column / 2) == row % 2 * 2 + column % 2)
                            hold_sum("a pooled convolution", most, sum);
                    }
                }
    for (int64_t image = 0; image < 16; image += 5)
        for (int64_t i = 0; i < inputs; i++)
            for (int64_t row = 0; row < inputRows; row++)
                for (int64_t column = 0; column < width + kernel - 1; column++) {
                    Sum sum = {0};
                    for (int64_t o = 0; o < outputs; o++)
                        for (int64_t k = 0; k < square; k++) {
                            int64_t r = row - k / kernel, c = column - k % kernel;
                            if (r < 0 || c < 0 || r >= rows || c >= width) continue;
                            add(&sum, PIXEL(dy, o, rows, outPitch, r, c), w[(o * inputs + i) * square + k]);
                        }
                    hold_sum("a direct gradient of data", PIXEL(dx, i, inputRows, pitch, row, column), sum);
                }
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t n = 0; n <= patch; n++) {
            Sum sum = {0};
            for (int64_t row = 0; row < rows; row++)
                for (int64_t column = 0; column < width; column++)
                    for (int64_t image = 0; image < 16; image++) {
                        float slope = PIXEL(dy, o, rows, outPitch, row, column);
                        add(&sum, slope,
                            n == patch ? 1
                                       : PIXEL(x, n / square, inputRows, pitch, row + n % square / kernel,
                                               column + n % kernel));
                    }
            hold_sum("a direct gradient of weights", n == patch ? db[o] : dw[o * patch + n], sum);
        }
    free(x), free(dy), free(w), free(bias), free(forward), free(backward), free(y), free(dx), free(dw), free(db);
    free(pooled), free(which);
}

// ---- Gradients of a convolution that pooling follows: channels of one image side by side

static void check_pooled(int64_t inputs, int64_t outputs, int64_t rows, int64_t width, int64_t kernel) {
    const int64_t lanes = table->channelLanes, pixel = inputs <= 4 ? inputs : (inputs + lanes - 1) / lanes * lanes;
    if (inputs > 4 && pixel > lanes * table->channelVectors) return;
    const int64_t columns = 2 * width + kernel - 1, height = 2 * rows + kernel - 1, pitch = columns * pixel;
    const int64_t vectors = (kernel * pixel + lanes - 1) / lanes, filter = kernel * vectors * lanes;
    const int64_t squares = rows * width, band = squares > KERNELS_POOLED_SQUARES ? squares : KERNELS_POOLED_SQUARES;
    KernelsPooledGradient sizes = {kernel, pixel, pitch, vectors, rows, width, outputs};
    float *x = numbers(16 * height * pitch + 16), *g = numbers(16 * outputs * squares), *w = numbers(outputs * filter);
    for (int64_t n = 0; n < outputs * filter; n++)
        if (n % (vectors * lanes) >= kernel * pixel) w[n] = 0;
    float *dw = zeros(outputs * filter), *db = zeros(outputs), *work = zeros(squares * 16);
    float *lists = zeros(band * (4 + 8 * outputs)), *dx = zeros(16 * height * pitch + 16);
    uint8_t *which = (uint8_t *)zeros(outputs * squares * 16);
    int32_t *at = (int32_t *)zeros(outputs * 16 * squares);
    // In some squares no pixel is taken; of the first channel it is the same one in all, so that sums are long.
    for (int64_t n = 0; n < outputs * squares * 16; n++)
        which[n] = n < squares * 16 ? 0 : (uint8_t)(fabsf(drawn()) * 4.99f);
    table->pooledPositions(&sizes, which, work, at);
    for (int64_t image = 0; image < 16; image++) {
        table->pooledWeightGradient(
            &sizes, x + image * height * pitch, g + image * outputs * squares, at + image * squares, dw, db);
        table->pooledDataGradient(
            &sizes, g + image * outputs * squares, which + image, w, lists, dx + image * height * pitch);
    }
    // dense[16][outputs][2 * rows][2 * width]
    float *dense = zeros(16 * outputs * squares * 4);
#define DENSE(image, o, row, column) dense[(((image) * outputs + (o)) * 2 * rows + (row)) * 2 * width + (column)]
    for (int64_t image = 0; image < 16; image++)
        for (int64_t o = 0; o < outputs; o++)
            for (int64_t p = 0; p < squares; p++) {
                int taken = which[(o * squares + p) * 16 + image];
                if (taken < 4)
                    DENSE(image, o, p / width * 2 + taken / 2, p % width * 2 + taken % 2) =
                        g[(image * outputs + o) * squares + p];
            }
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t n = 0; n <= inputs * kernel * kernel; n++) {
            int64_t i = n / (kernel * kernel), kh = n / kernel % kernel, kw = n % kernel;
            Sum sum = {0};
            for (int64_t image = 0; image < 16; image++)
                for (int64_t row = 0; row < 2 * rows; row++)
                    for (int64_t column = 0; column < 2 * width; column++)
                        add(&sum, DENSE(image, o, row, column),
                            i == inputs ? 1 : x[(image * height + row + kh) * pitch + (column + kw) * pixel + i]);
            hold_sum("a pooled gradient of weights",
                     i == inputs ? db[o] : dw[o * filter + kh * vectors * lanes + kw * pixel + i], sum);
        }
    for (int64_t image = 0; image < 16; image += 5)
        for (int64_t n = 0; n < height * columns * inputs; n++) {
            int64_t i = n % inputs, row = n / inputs / columns, column = n / inputs % columns;
            Sum sum = {0};
            for (int64_t o = 0; o < outputs; o++)
                for (int64_t k = 0; k < kernel * kernel; k++) {
                    int64_t r = row - k / kernel, c = column - k % kernel;
                    if (r < 0 || c < 0 || r >= 2 * rows || c >= 2 * width) continue;
                    add(&sum, DENSE(image, o, r, c), w[o * filter + k / kernel * vectors * lanes + k % kernel * pixel + i]);
                }
            hold_sum("a pooled gradient of data", dx[(image * height + row) * pitch + column * pixel + i], sum);
        }
    free(x), free(g), free(w), free(dw), free(db), free(work), free(lists), free(dx), free(which), free(at), free(dense);
}

// ---- One number at a time

static void check_elementwise(void) {
    for (int64_t count = 1; count <= 40; count++) {
        float *x = numbers(count), *z = numbers(count), *y = numbers(count + 1);
        for (int64_t i = 0; i < count; i++) x[i] = 8 * fabsf(x[i]) + 0.01f;
        y[count] = 7;
#define FUNCTION(function, exact) \
    table->map(function, x, count, y); \
    for (int64_t i = 0; i < count; i++) hold(#function, y[i], exact, fabs(exact), 3)
        FUNCTION(KernelsNegate, -(double)x[i]);
        FUNCTION(KernelsSquare, (double)x[i] * x[i]);
        FUNCTION(KernelsSquareRoot, sqrt(x[i]));
        FUNCTION(KernelsRectify, (double)x[i]);
        FUNCTION(KernelsExp, exp(x[i]));
        FUNCTION(KernelsLog, log(x[i]));
        FUNCTION(KernelsTanh, tanh(x[i]));
        FUNCTION(KernelsSigmoid, 1 / (1 + exp(-(double)x[i])));
#define PAIRING(pairing, exact) \
    table->combine(pairing, x, 1, z, 1, count, y); \
    for (int64_t i = 0; i < count; i++) hold(#pairing, y[i], (float)(exact), 0, 0)
        PAIRING(KernelsAdd, x[i] + z[i]);
        PAIRING(KernelsSubtract, x[i] - z[i]);
        PAIRING(KernelsMultiply, x[i] * z[i]);
        PAIRING(KernelsDivide, x[i] / z[i]);
        PAIRING(KernelsMaximum, x[i] > z[i] ? x[i] : z[i]);
        PAIRING(KernelsMinimum, x[i] < z[i] ? x[i] : z[i]);
        PAIRING(KernelsPassPositive, z[i] > 0 ? x[i] : 0);
        uint8_t bytes[40];
        for (int64_t i = 0; i < count; i++) bytes[i] = (uint8_t)(37 * i + count);
        table->scaleBytes(bytes, count, 0.0127f, -0.42f, y);
        for (int64_t i = 0; i < count; i++) {
            // Rounded here, and not joined to the sum.
            volatile float scaled = bytes[i] * 0.0127f;
            hold("bytes", y[i], scaled - 0.42f, 0, 0);
        }
        hold("what lies behind a row", y[count], 7, 0, 0);
        double state[3] = {0}, mean = 0, squares = 0, sums[2] = {0}, exact[2] = {0};
        table->moments(x, count, state);
        for (int64_t i = 0; i < count; i++) mean += x[i] / (double)count;
        for (int64_t i = 0; i < count; i++) squares += (x[i] - mean) * (x[i] - mean);
        hold("a mean", state[1], mean, mean, 4);
        hold("a sum of squares", state[2], squares, squares + EPSILON, 40);
        KernelsNormalization n = {0.3f, 1.7f, 0.2f, 1};
        table->normalize(&n, z, count, y);
        for (int64_t i = 0; i < count; i++)
            hold("a normalised number", y[i], fmax(0, ((double)z[i] - n.mean) * n.slope + n.offset), 3, 4);
        table->normalizeSums(&n, z, x, count, sums);
        for (int64_t i = 0; i < count; i++)
            if (y[i] > 0) exact[0] += x[i], exact[1] += x[i] * ((double)z[i] - n.mean);
        hold("a sum of gradients", sums[0], exact[0], 8.0 * (double)count, 4);
        hold("a sum of weighted gradients", sums[1], exact[1], 8.0 * (double)count, 4);
        // Plain descent, and Adam where all is corrected for already.
        float *p = numbers(count), *q = numbers(count), *first = zeros(count), *second = zeros(count);
        memcpy(q, p, (size_t)count * 4);
        table->plainStep(p, x, count, 0.1f, 0.01f);
        for (int64_t i = 0; i < count; i++)
            hold("a step", p[i], q[i] - 0.1f * ((double)x[i] + 0.01f * (double)q[i]), 2, 4);
        KernelsAdaptiveStep adam = {KernelsAdam, 0.1f, 0.01f, 0, 0.9f, 0.99f, 1, 1};
        memcpy(p, q, (size_t)count * 4);
        table->adaptiveStep(&adam, p, x, first, second, count);
        for (int64_t i = 0; i < count; i++) {
            double slope = x[i], size = sqrt((1 - 0.99f) * slope * slope) + 0.01f;
            hold("a step of Adam", p[i], q[i] - 0.1f * (1 - 0.9f) * slope / size, 2, 4);
        }
        free(x), free(z), free(y), free(p), free(q), free(first), free(second);
    }
    for (int64_t width = 2; width <= 70; width += 2) {
        float *x = numbers(4 * width), *y = numbers(width);
        uint8_t *which = (uint8_t *)numbers(width);
        table->maxPool(x, 4, width, y, which);
        for (int64_t i = 0; i < width; i++) {
            const float *corner = x + i / (width / 2) * 2 * width + i % (width / 2) * 2;
            hold("a maximum", y[i], fmax(fmax(corner[0], corner[1]), fmax(corner[width], corner[width + 1])), 0, 0);
            hold("its place", corner[which[i] / 2 * width + which[i] % 2], y[i], 0, 0);
        }
        free(x), free(y), free(which);
    }
}

// ---- Threads and memory

static int visits[5000];
static void visit(void *context, int64_t tile) {
    visits[tile] += *(const int *)context;
    // The smallest number above 0 but for denormals, which count as 0 here.
    volatile float tiny = 0x1p-126f;
    if (tiny * 0.5f != 0) visits[tile] += 100;
}
static void check_threads(void) {
    int one = 1;
    for (int threads = 1; threads <= 3; threads++) {
        kernels_set_thread_count(threads);
        for (int job = 0; job < 50; job++) kernels_parallel(5000, &one, visit);
        for (int tile = 0; tile < 5000; tile++) {
            hold("how often a tile was computed", visits[tile], 50, 0, 0);
            visits[tile] = 0;
        }
    }
    volatile float tiny = 0x1p-126f;
    hold("a denormal outside", tiny * 0.5f, 0x1p-127, 0, 0);
    for (size_t bytes = 1; bytes < 1 << 24; bytes = bytes * 3 + 1) {
        char *memory = kernels_allocate(bytes);
        hold("an address", (double)((uintptr_t)memory % 64), 0, 0, 0);
        memset(memory, 1, bytes);
        kernels_free(memory, bytes);
    }
    hold("bytes in use at the end", (double)kernels_bytes_in_use(), 0, 0, 0);
}

int main(void) {
    for (int index = 0; kernels_table_at(index); index++) {
        table = kernels_table_at(index);
        checks = 0, worst = 0, seed = 1;
        for (one_signed = 0; one_signed < 2; one_signed++) {
            check_products();
            check_winograd(16, 16, 2, 3);
            check_winograd(256, 16, 3, 2);
            check_winograd(16, 16, 16, 16);
            check_convolution(1, 7, 10, 13, 5);
            check_convolution(20, 11, 6, 8, 5);
            check_convolution(4, 50, 6, 9, 5);
            check_convolution(40, 3, 6, 7, 3);
            check_convolution(2, 40, 7, 5, 3);
            check_convolution(1, 2, 24, 24, 5);
            check_convolution(1, 2, 50, 57, 3);
            for (int64_t inputs = 1; inputs <= 24; inputs += inputs < 5 ? 1 : 5)
                for (int64_t kernel = 3; kernel <= 5; kernel += 2) check_pooled(inputs, 9, 3, inputs % 3 + 2, kernel);
            check_pooled(20, 50, 4, 4, 5);
            check_pooled(1, 3, 12, 12, 5);
            check_pooled(6, 90, 1, 70, 3);
            if (!one_signed) check_elementwise();
        }
        printf("%s: %ld numbers, at worst %.2f epsilon\n", table->name, checks, worst);
    }
    check_threads();
    printf("chosen: %s\n", kernels_table()->name);
    return failures > 0;
}
