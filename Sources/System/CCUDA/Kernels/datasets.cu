// Batches of a data set that lies on the device as bytes: gathered in the epoch's order and normalised on the way.
// The order is a permutation in device memory. The host draws it, 4 bytes an image: a Fisher-Yates shuffle is a chain,
// which one thread would have to walk alone, and so the order is the processor's own. The cursor, where the next batch
// begins, lies on the device, too.

// pixels [images, channels, area] bytes; y [batch, channels, area] = byte * scales[channel] + offsets[channel].
// Beyond the end of the order nothing is drawn: the rest of y becomes 0.
KERNEL batch_images(
    const Byte *pixels, const int *order, const Long *cursor, const float *scales, const float *offsets, float *y,
    Index images, Index batch, Index channels, Index area
) {
    const Index size = channels * area;
    EACH(i, batch * size) {
        const Index number = (Index)cursor[0] + i / size, within = i % size;
        if (number >= images) {
            y[i] = 0;
            continue;
        }
        const float byte = pixels[order[number] * size + within];
        y[i] = __fadd_rn(__fmul_rn(byte, scales[within / area]), offsets[within / area]);
    }
}
KERNEL batch_labels(const int *labels, const int *order, const Long *cursor, int *y, Index images, Index batch) {
    EACH(i, batch) {
        const Index number = (Index)cursor[0] + i;
        y[i] = number < images ? labels[order[number]] : 0;
    }
}
// One thread, when all of the batch was read.
KERNEL advance_cursor(Long *cursor, Long batch) {
    if (blockIdx.x == 0 && threadIdx.x == 0) cursor[0] += batch;
}
