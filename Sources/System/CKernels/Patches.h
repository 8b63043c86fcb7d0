// The runs of pixels that patches are made of, with the strides of convolutions. Included by Kernels.h; the plain versions
// are the loops of the strides that have no vectors here.

// to[i] = from[i * stride].
static void TARGET(take_every)(const float *from, int64_t stride, int64_t count, float *to) {
    if (stride == 1) {
        for (int64_t i = 0; i < count; i += LANES) store_some(to + i, some(from + i, count - i), count - i);
    } else if (stride == 2) {
        for (int64_t i = 0; i < count; i += LANES) {
            // The last number is the last that is read.
            int64_t here = 2 * (count - i) - 1;
            V low = some(from + 2 * i, here), high = some(from + 2 * i + LANES, here - LANES);
            store_some(to + i, __builtin_shufflevector(low, high, EVEN), count - i);
        }
    } else {
        for (int64_t i = 0; i < count; i++) to[i] = from[i * stride];
    }
}

// to[i * stride] += from[i].
static void TARGET(add_every)(const float *from, int64_t stride, int64_t count, float *to) {
    if (stride == 1) {
        for (int64_t i = 0; i < count; i += LANES)
            store_some(to + i, some(to + i, count - i) + some(from + i, count - i), count - i);
    } else if (stride == 2) {
        for (int64_t i = 0; i < count; i += LANES) {
            int64_t here = 2 * (count - i) - 1;
            V v = some(from + i, count - i);
            V low = __builtin_shufflevector(v, zero(), LOWER), high = __builtin_shufflevector(v, zero(), UPPER);
            float *at = to + 2 * i;
            store_some(at, some(at, here) + low, here);
            store_some(at + LANES, some(at + LANES, here - LANES) + high, here - LANES);
        }
    } else {
        for (int64_t i = 0; i < count; i++) to[i * stride] += from[i];
    }
}
