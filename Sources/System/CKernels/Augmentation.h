// Images that are seen a little differently each time: moved, their colours mixed, noise on them. Included by Kernels.h; the
// formulas stand at the declarations in CKernels.h, and the plain versions in the tests.

typedef uint32_t TARGET(W) __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));
typedef uint64_t TARGET(D) __attribute__((vector_size(LANES * 8)));
#define W TARGET(W)
#define D TARGET(D)

// 0, 1, 2, …
INLINE V TARGET(places)(void) {
    V v;
    UNROLL for (int i = 0; i < LANES; i++) v[i] = (float)i;
    return v;
}
// Kept from `low` to `high`; what is no number becomes `low`.
INLINE V TARGET(between)(V v, float low, float high) {
    V least = zero() + low, most = zero() + high;
    v = TARGET(choose)(v > least, v, least);
    return TARGET(choose)(v < most, v, most);
}
#define between TARGET(between)

// The byte at each place and the one behind it, the second 8 bits up; what is above 16 bits is not to be looked at.
INLINE I TARGET(pairs)(const uint8_t *bytes, I places) {
#if LANES == 16
    return (I)_mm512_i32gather_epi32((__m512i)places, bytes, 1);
#elif LANES == 8
    return (I)_mm256_i32gather_epi32((const int *)bytes, (__m256i)places, 1);
#else
    I v;
    UNROLL for (int i = 0; i < LANES; i++) v[i] = bytes[places[i]] | bytes[places[i] + 1] << 8;
    return v;
#endif
}
INLINE V TARGET(numbers)(const float *table, I places) {
#if LANES == 16
    return (V)_mm512_i32gather_ps((__m512i)places, table, 4);
#elif LANES == 8
    return (V)_mm256_i32gather_ps(table, (__m256i)places, 4);
#else
    V v;
    UNROLL for (int i = 0; i < LANES; i++) v[i] = table[places[i]];
    return v;
#endif
}
#define FLOATS(i) __builtin_convertvector(i, V)

static void TARGET(move)(
    const KernelsMovement *m, const uint8_t *source, int64_t channels, int64_t height, int64_t width, float *scratch,
    float *target
) {
    // With a black pixel all around, no place has to be looked at whether it is inside.
    const int64_t stride = width + 3, area = stride * (height + 3), pitch = (width + LANES - 1) / LANES * LANES;
    float *hats = scratch;
    uint8_t *padded = (uint8_t *)(scratch + 5 * pitch);
    __builtin_memset(padded, 0, (size_t)(area * channels));
    for (int64_t channel = 0; channel < channels; channel++)
        for (int64_t row = 0; row < height; row++)
            __builtin_memcpy(padded + channel * area + (row + 1) * stride + 1, source + (channel * height + row) * width,
                             (size_t)width);
    // What part of each of the net's five corners in a row a pixel moves with: 1 at the corner, 0 at its neighbours.
    if (m->net)
        for (int corner = 0; corner < 5; corner++)
            for (int64_t column = 0; column < width; column += LANES) {
                V distance = (TARGET(places)() + (float)column) * (4 / (float)width) - (float)corner;
                *(U *)(hats + corner * pitch + column) = (U)rectified(1 - (V)((I)distance & 0x7FFFFFFF));
            }
    const float centerX = (float)(width - 1) / 2, centerY = (float)(height - 1) / 2;
    for (int64_t row = 0; row < height; row++) {
        const float dy = (float)row - centerY;
        const float startX = m->b * dy + m->x + centerX + 1 - m->a * centerX;
        const float startY = m->d * dy + m->y + centerY + 1 - m->c * centerX;
        float bendX[5], bendY[5];
        if (m->net) {
            const float place = 4 * (float)row / (float)height;
            const int mesh = place < 3 ? (int)place : 3;
            const float part = place - (float)mesh, *above = m->net + 5 * mesh;
            UNROLL for (int corner = 0; corner < 5; corner++) {
                bendX[corner] = above[corner] + (above[corner + 5] - above[corner]) * part;
                bendY[corner] = above[corner + 25] + (above[corner + 30] - above[corner + 25]) * part;
            }
        }
        for (int64_t column = 0; column < width; column += LANES) {
            V here = TARGET(places)() + (float)column;
            V x = here * m->a + startX, y = here * m->c + startY;
            if (m->net) {
                UNROLL for (int corner = 0; corner < 5; corner++) {
                    V hat = (V)*(const U *)(hats + corner * pitch + column);
                    x += hat * bendX[corner];
                    y += hat * bendY[corner];
                }
            }
            // From the black frame on, everything is black.
            x = between(x, 0, (float)(width + 1));
            y = between(y, 0, (float)(height + 1));
            I left = __builtin_convertvector(x, I), top = __builtin_convertvector(y, I);
            V right = x - FLOATS(left), down = y - FLOATS(top);
            I corner = top * (int32_t)stride + left;
            for (int64_t channel = 0; channel < channels; channel++) {
                const uint8_t *plane = padded + channel * area;
                I upper = TARGET(pairs)(plane, corner), lower = TARGET(pairs)(plane + stride, corner);
                V a = FLOATS(upper & 255), b = FLOATS((upper >> 8) & 255);
                V c = FLOATS(lower & 255), d = FLOATS((lower >> 8) & 255);
                V above = a + (b - a) * right, below = c + (d - c) * right;
                store_some(target + (channel * height + row) * width + column,
                           (above + (below - above) * down) * (1 / 255.0f), width - column);
            }
        }
    }
}

static void TARGET(shade)(float factor, float offset, int64_t count, float *values) {
    for (int64_t i = 0; i < count; i += LANES)
        store_some(values + i, between(some(values + i, count - i) * factor + offset, 0, 1), count - i);
}

static void TARGET(mix_colors)(const float *m, int64_t area, float *values) {
    for (int64_t i = 0; i < area; i += LANES) {
        float *at = values + i;
        int64_t here = area - i;
        V red = some(at, here), green = some(at + area, here), blue = some(at + 2 * area, here);
        store_some(at, between(m[0] * red + m[1] * green + m[2] * blue, 0, 1), here);
        store_some(at + area, between(m[3] * red + m[4] * green + m[5] * blue, 0, 1), here);
        store_some(at + 2 * area, between(m[6] * red + m[7] * green + m[8] * blue, 0, 1), here);
    }
}

INLINE W TARGET(high)(W x, uint32_t factor) {
    return __builtin_convertvector(__builtin_convertvector(x, D) * (uint64_t)factor >> 32, W);
}

static void TARGET(add_noise)(uint64_t key, float deviation, const float *table, int64_t count, float *values) {
    for (int64_t start = 0; start < count; start += 160)
        UNROLL for (int part = 0; part < ROUNDS; part++) {
            // Ten rounds of Philox 4x32 (Salmon et al., SC11) on as many counters as there are lanes.
            W x0 = __builtin_convertvector(TARGET(places)(), W) + (uint32_t)(start / 10 + part * LANES);
            W x1 = {0}, x2 = {0}, x3 = {0};
            uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
            UNROLL for (int round = 0; round < 10; round++) {
                W a = TARGET(high)(x0, 0xD2511F53), b = TARGET(high)(x2, 0xCD9E8D57);
                W a0 = x0 * 0xD2511F53u, b0 = x2 * 0xCD9E8D57u;
                x0 = b ^ x1 ^ k0;
                x1 = b0;
                x2 = a ^ x3 ^ k1;
                x3 = a0;
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
            }
            // Two words are five numbers of 12 bits.
            W draws[10] = {x0, x0 >> 12, x0 >> 24 | x1 << 8, x1 >> 4, x1 >> 16, x2, x2 >> 12, x2 >> 24 | x3 << 8, x3 >> 4, x3 >> 16};
            UNROLL for (int draw = 0; draw < 10; draw++) {
                int64_t place = start + 16 * draw + part * LANES, here = count - place;
                if (here <= 0) break;
                V noise = TARGET(numbers)(table, (I)(draws[draw] & 4095));
                store_some(values + place, between(some(values + place, here) + noise * deviation, 0, 1), here);
            }
        }
}

#undef W
#undef D
#undef between
#undef FLOATS
