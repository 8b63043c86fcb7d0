// The few things that Swift cannot do: memory that stays warm, a thread pool, and vector kernels picked for the
// processor at start. See Memory.c, Threads.c and Kernels.h.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// ---- Memory

/// Memory aligned to 64 bytes, not cleared; NULL where there is none.
void *_Nullable kernels_allocate(size_t byteCount);
/// Gives back what `kernels_allocate` returned for the same size. Large pieces are kept for the next tensor.
void kernels_free(void *address, size_t byteCount);
/// Bytes now in use by tensors, and the most that ever were.
size_t kernels_bytes_in_use(void);
size_t kernels_peak_bytes(void);

// ---- Threads

/// Runs `body(context, tile)` for every tile, on the calling thread and on idle workers, and returns when all are done.
/// Which thread takes which tile is left to chance, so a tile must not depend on another. Denormals count as 0 inside.
void kernels_parallel(int64_t tiles, void *_Nullable context, void (*body)(void *_Nullable context, int64_t tile));
/// Lets denormals count as 0 on the calling thread; returns what `kernels_restore_denormals` takes to end that.
uint64_t kernels_flush_denormals(void);
void kernels_restore_denormals(uint64_t old);
/// How many threads take tiles, the caller among them: at first the cores that this process may use.
int kernels_thread_count(void);
void kernels_set_thread_count(int count);
/// A block of memory of the calling thread that lives until the thread asks for a larger one under the same slot (0-7).
float *kernels_scratch(int slot, size_t floatCount);

/// What the library keeps for each thread.
typedef struct {
    void *_Nullable tape;
    void *_Nullable layer;
    void *_Nullable trace;
    uint64_t thread;                  // the kernel's id of it
    int64_t jobs;                     // how many of its `kernels_parallel` are under way
} KernelsThreadState;
KernelsThreadState *kernels_thread_state(void);

// ---- Vector kernels, one table for each kind of processor

/// What one convolution kernel works on: 16 images side by side, [channels][rows][pitch][16], the padding included.
typedef struct {
    int64_t inputs, outputs;          // channels
    int64_t rows, width;              // of the output
    int64_t inputRows, inputPitch;    // of the packed input: rows + kernel - 1, at least outputPitch + kernel - 1
    int64_t outputPitch;              // of the packed output, a multiple of 8
    int64_t kernel;                   // 3 or 5
    int64_t firstRow, endRow;         // of the packed input: the rows that the data gradient computes
} KernelsConvolution;

/// What the gradients of one image need of a convolution that 2x2 maximum pooling follows. Its channels lie side by side,
/// [padded rows][columns][channels]: a block of `channelVectors` vectors of them, or fewer, filled up with zeros; or the
/// channels as they are, where a filter's row is a few numbers only.
typedef struct {
    int64_t kernel;                   // 3 or 5
    int64_t pixel, pitch;             // of the padded input: numbers from one pixel to the next, from one row to the next
    int64_t vectors;                  // that hold a filter's row, `kernel` pixels
    int64_t rows, width;              // of the pooled result
    int64_t outputs;                  // channels
} KernelsPooledGradient;
/// Squares whose lists of channels `pooledDataGradient` makes at a time; in a row of more, all of the row.
#define KERNELS_POOLED_SQUARES 64

/// What one channel's normalisation does: (x - mean) * slope + offset, and where `rectify`, negative results become 0.
typedef struct {
    float mean, slope, offset;
    int rectify;
} KernelsNormalization;

/// Where pooling's windows lie: rows and width are of the result, top and left the padding.
typedef struct {
    int64_t rows, width, windowRows, windowColumns, rowStride, columnStride, top, left, inputWidth;
} KernelsPooling;

/// Functions of one number.
typedef enum {
    KernelsNegate, KernelsSquare, KernelsMagnitude, KernelsSquareRoot, KernelsRectify, KernelsExp, KernelsLog,
    KernelsTanh, KernelsSigmoid
} KernelsFunction;
/// Functions of two; the last is the left one where the right one is positive, else 0.
typedef enum {
    KernelsAdd, KernelsSubtract, KernelsMultiply, KernelsDivide, KernelsMaximum, KernelsMinimum, KernelsPassPositive
} KernelsPairing;

/// Where each pixel of a moved image comes from: (a b; c d) times its distance from the centre, and x and y on.
typedef struct {
    float a, b, c, d, x, y;
    const float *_Nullable net;       // [2][5][5]: how far a net's corners move along x and along y
} KernelsMovement;

typedef enum { KernelsAdaGrad, KernelsRMSProp, KernelsAdaDelta, KernelsAdam } KernelsAdaptiveKind;
/// A step of a method that scales gradients by their past sizes. For Adam `rate` and `scale` carry the corrections of the
/// bias, and `shrink` the decoupled decay.
typedef struct {
    KernelsAdaptiveKind kind;
    float rate, epsilon, decay, smoothing, smoothing2, scale, shrink;
} KernelsAdaptiveStep;

typedef struct {
    const char *name;
    /// Output channels that one pass computes; weights are packed in blocks of so many.
    int outputBlock;
    /// Input channels that one pass of the data gradient computes.
    int inputBlock;

    /// y = x * w + bias, and where `rectify`, negative results become 0. w: [outputs / block][inputs][k][k][block].
    void (*convolve)(const KernelsConvolution *, const float *x, const float *w, const float *bias, int rectify, float *y);
    /// The same followed by the maximum of each 2x2 square; `which` says which of the four it was.
    /// y, which: [outputs][rows / 2][width / 2][16].
    void (*convolvePool)(
        const KernelsConvolution *, const float *x, const float *w, const float *bias, int rectify, float *y,
        uint8_t *which);
    /// dw[outputs][inputs][k][k] += the sum over pixels and the 16 images; db[outputs] likewise.
    void (*weightGradient)(
        const KernelsConvolution *, const float *x, const float *dy, float *dw, float *db, int64_t firstOutput,
        int64_t endOutput);
    /// dx = what reaches the padded input. w: [inputs / inputBlock][outputs][k][k][inputBlock].
    void (*dataGradient)(
        const KernelsConvolution *, const float *dy, const float *w, float *dx, int64_t firstInput, int64_t endInput);

    /// 16 planes, `stride` floats apart, to [rows][pitch][16]: `count` of them exist, the others are 0. Left of each row
    /// are `left` zeros, right of it as many as fill the pitch.
    void (*pack)(
        const float *source, int64_t stride, int64_t count, int64_t rows, int64_t width, int64_t left, int64_t pitch,
        float *packed);
    /// The reverse; the packed rows begin `left` pixels before what is wanted.
    void (*unpack)(
        const float *packed, int64_t rows, int64_t width, int64_t left, int64_t pitch, float *target, int64_t stride,
        int64_t count);

    /// Numbers of a vector of channels, and how many such vectors a block of channels has at most.
    int channelLanes, channelVectors;
    /// at[outputs][16][squares] from which[outputs][squares][16]: where the pixel that a square took lies in its image's
    /// padded input, in numbers, or -1 where it took none. `work` has squares * 16 numbers.
    void (*pooledPositions)(const KernelsPooledGradient *, const uint8_t *which, float *work, int32_t *at);
    /// Of one image: dw[outputs][kernel][vectors] += and db[outputs] += by the gradient g[outputs][squares]. at: one image's
    /// part of what `pooledPositions` gives. 16 numbers behind x may be read.
    void (*pooledWeightGradient)(
        const KernelsPooledGradient *, const float *x, const float *g, const int32_t *at, float *dw, float *db);
    /// Of one image: dx += what reaches the padded input. which: one image's bytes, 16 apart. w: [outputs][kernel][vectors],
    /// with zeros behind each row's `kernel` pixels. `work` has 4 + 8 * outputs numbers for each square of a band.
    void (*pooledDataGradient)(
        const KernelsPooledGradient *, const float *g, const uint8_t *which, const float *w, void *work, float *dx);

    /// Whether `multiply` is faster than OpenBLAS in small sizes.
    int multipliesFast;
    /// c[rows][columns] = a · b, or += where `accumulate`. Element (i, k) of a lies at i * aRow + k * aStep; those of b and
    /// c lie in rows.
    void (*multiply)(
        const float *a, int64_t aRow, int64_t aStep, const float *b, int64_t bRow, float *c, int64_t cRow, int64_t rows,
        int64_t columns, int64_t inner, int accumulate);
    /// y[outputs] = w[outputs][inner] · x[inner] + bias.
    void (*multiplyVector)(
        const float *w, int64_t wRow, int64_t outputs, int64_t inner, const float *x, const float *_Nullable bias,
        float *y);
    /// to[columns][rows] = from[rows][columns].
    void (*transpose)(
        const float *from, int64_t rows, int64_t columns, int64_t fromRow, float *to, int64_t toRow);

    // 3x3 filters by way of 16 products a tile (Winograd.h): `tiles` are squares of 2x2 outputs, and each kernel works on
    // 16 channels side by side.

    /// v[16][tiles][channels] from x[2 * rows + 2][pitch][16]; its tiles lie `vTile` floats apart, its 16 planes `vPlane`.
    void (*winogradInput)(
        const float *x, int64_t pitch, int64_t rows, int64_t columns, float *v, int64_t vTile, int64_t vPlane);
    /// d[16][tiles][channels] from dy[2 * rows][pitch][16], likewise.
    void (*winogradGradient)(
        const float *dy, int64_t pitch, int64_t rows, int64_t columns, float *d, int64_t dTile, int64_t dPlane);
    /// y[2 * rows][pitch][16] from m[16][tiles][channels] and bias[16].
    void (*winogradOutput)(
        const float *m, int64_t mTile, int64_t mPlane, const float *bias, int rectify, float *y, int64_t pitch,
        int64_t rows, int64_t columns);
    /// u[16][count] from w[3 * 3][count], whose rows lie `wPlace` apart. `count` is a multiple of 16.
    void (*winogradFilters)(const float *w, int64_t wPlace, int64_t count, float *u, int64_t uPlane);
    /// dw[3 * 3][count] from s[16][count].
    void (*winogradFilterGradient)(const float *s, int64_t sPlane, int64_t count, float *dw, int64_t dwPlace);

    // Batch normalisation and pooling, on one plane of a channel at a time (Normalization.h, Pooling.h).

    /// Joins `count` numbers to state = {how many, their mean, the sum of squared distances from it}.
    void (*moments)(const float *x, int64_t count, double *state);
    /// y = (x - mean) * slope + offset, rectified where asked.
    void (*normalize)(const KernelsNormalization *, const float *x, int64_t count, float *y);
    /// sums += {sum of g, sum of g * (x - mean)}, of those g that pass the ReLU.
    void (*normalizeSums)(const KernelsNormalization *, const float *x, const float *g, int64_t count, double *sums);
    /// dx = slope * (g - centre - (x - mean) * tilt).
    void (*normalizeBack)(
        const KernelsNormalization *, const float *x, const float *g, int64_t count, float centre, float tilt, float *dx);
    /// These three where 2x2 maximum pooling follows: y, which, g are [rows / 2][width / 2]; both sizes are even.
    void (*normalizePool)(
        const KernelsNormalization *, const float *x, int64_t rows, int64_t width, float *y, uint8_t *which);
    void (*normalizeSumsPooled)(
        const KernelsNormalization *, const float *x, const float *g, const uint8_t *which, int64_t rows, int64_t width,
        double *sums);
    void (*normalizeBackPooled)(
        const KernelsNormalization *, const float *x, const float *g, const uint8_t *which, int64_t rows, int64_t width,
        float centre, float tilt, float *dx);
    /// y, which [rows / 2][width / 2]: the maximum of each 2x2 square of x[rows][width], and which of the four it was.
    void (*maxPool)(const float *x, int64_t rows, int64_t width, float *y, uint8_t *which);
    void (*maxPoolBack)(const float *g, const uint8_t *which, int64_t rows, int64_t width, float *dx);
    /// y, positions [rows][width]: the maximum of each window, and where in the image without its padding it lies. x has
    /// -infinity around it, and (width up to a multiple of 16 - 1) * columnStride + windowColumns numbers a row.
    void (*maxPoolWindows)(const KernelsPooling *, const float *x, int64_t pitch, float *y, int32_t *positions);

    /// to[i] = from[i * stride].
    void (*takeEvery)(const float *from, int64_t stride, int64_t count, float *to);
    /// to[i * stride] += from[i].
    void (*addEvery)(const float *from, int64_t stride, int64_t count, float *to);

    /// y[i] = function(x[i]).
    void (*map)(KernelsFunction function, const float *x, int64_t count, float *y);
    /// to[i] = pairing(left[i * leftStep], right[i * rightStep]); a step is 0 or 1.
    void (*combine)(
        KernelsPairing pairing, const float *left, int leftStep, const float *right, int rightStep, int64_t count,
        float *to);

    /// target = source[channels][height][width], moved, as numbers from 0 to 1: bilinear between pixels and between the net's
    /// corners, which lie a quarter of the width and height apart; what comes from outside is black. `scratch` has room for
    /// 5 * (width + 16) + (channels * (width + 3) * (height + 3) + 7) / 4 numbers.
    void (*move)(
        const KernelsMovement *, const uint8_t *source, int64_t channels, int64_t height, int64_t width, float *scratch,
        float *target);
    /// values[i] = values[i] * factor + offset, kept from 0 to 1.
    void (*shade)(float factor, float offset, int64_t count, float *values);
    /// values[3][area] = matrix[3][3] times each pixel's three, kept from 0 to 1.
    void (*mixColors)(const float *matrix, int64_t area, float *values);
    /// values[i] += deviation * table[12 random bits], kept from 0 to 1; the table has 4,096 numbers. The bits are Philox
    /// 4x32-10's: of 160 values in a row, the one at 16 * k + j has the k-th 12 bits of the j-th counter, for any target.
    void (*addNoise)(uint64_t key, float deviation, const float *table, int64_t count, float *values);
    /// to[i] = from[i] * scale + offset, rounded twice.
    void (*scaleBytes)(const uint8_t *from, int64_t count, float scale, float offset, float *to);

    /// out[i] = sum over parts of part[p * stride + i], p ascending.
    void (*sumParts)(const float *parts, int64_t partCount, int64_t stride, int64_t count, float *out);
    /// Stochastic gradient descent without momentum: p -= rate * (g + decay * p).
    void (*plainStep)(float *p, const float *g, int64_t count, float rate, float decay);
    /// Stochastic gradient descent: g += decay * p; m = momentum * m + g; p -= rate * (nesterov ? g + momentum * m : m).
    void (*momentumStep)(
        float *p, const float *g, float *m, int64_t count, float rate, float momentum, float decay, int nesterov);
    /// One step of the other methods; `first` and `second` are their running sums.
    void (*adaptiveStep)(
        const KernelsAdaptiveStep *, float *w, const float *g, float *first, float *second, int64_t count);
} KernelsTable;

/// The fastest table that this processor can run.
const KernelsTable *kernels_table(void);
/// All that it can run, the slowest first, then NULL: for tests that hold them against each other.
const KernelsTable *_Nullable kernels_table_at(int index);
/// Makes `kernels_table` return that one, or with -1 the fastest again: for tests, while nothing computes.
void kernels_use_table(int index);

#pragma clang assume_nonnull end
#endif
