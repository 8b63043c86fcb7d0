// Random numbers to the same bits as RandomGenerator.swift: Philox 4x32-10 (Salmon et al., 2011) on the number of the
// draw. A generator is two numbers in device memory, state[0] its key and state[1] how many words were drawn, so that a
// replayed graph goes on drawing.

struct Four { Word x, y, z, w; };

__device__ Four philox(Long key, Four x) {
    Word k0 = (Word)key, k1 = (Word)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const Long a = 0xD2511F53ull * x.x, b = 0xCD9E8D57ull * x.z;
        const Four next = {(Word)(b >> 32) ^ x.y ^ k0, (Word)b, (Word)(a >> 32) ^ x.w ^ k1, (Word)a};
        x = next;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return x;
}
/// The word of the given number.
__device__ Word word(Long key, Long number) {
    const Long block = number / 4;
    const Four counter = {(Word)block, (Word)(block >> 32), 0, 0};
    const Four drawn = philox(key, counter);
    const int part = (int)(number % 4);
    return part == 0 ? drawn.x : part == 1 ? drawn.y : part == 2 ? drawn.z : drawn.w;
}
__device__ double unit(Long key, Long number) {
    const Long bits = (Long)word(key, number) | (Long)word(key, number + 1) << 32;
    return (double)(bits >> 11) * (1.0 / 9007199254740992.0);
}

// low + width * u, u uniform in 0 ..< 1 with 24 bits; a word for each element.
KERNEL uniform(float *y, Index count, const Long *state, float low, float width) {
    const Long key = state[0], start = state[1];
    EACH(i, count) {
        const float u = (float)(word(key, start + i) >> 8) * (1.0f / 16777216.0f);
        y[i] = __fadd_rn(low, __fmul_rn(width, u));
    }
}

// Box and Muller's way, two elements for four words.
KERNEL normal(float *y, Index count, const Long *state, double mean, double deviation) {
    const Long key = state[0], start = state[1];
    EACH(pair, (count + 1) / 2) {
        const double radius = sqrt(-2 * log(1 - unit(key, start + 4 * pair))) * deviation;
        const double angle = 2 * 3.14159265358979323846 * unit(key, start + 4 * pair + 2);
        y[2 * pair] = (float)__dadd_rn(mean, __dmul_rn(radius, cos(angle)));
        if (2 * pair + 1 < count) y[2 * pair + 1] = (float)__dadd_rn(mean, __dmul_rn(radius, sin(angle)));
    }
}

// The generator behind what was drawn from it: one thread.
KERNEL advance(Long *state, Long words) {
    if (blockIdx.x == 0 && threadIdx.x == 0) state[1] += words;
}

// An independent stream for each number: into[0] its key. The number is counted in `counter`, which moves on.
KERNEL split(const Long *state, Long *counter, Long *into) {
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        const Long number = counter[0] += 1;
        const Four from = {(Word)number, (Word)(number >> 32), 1, 0};
        const Four drawn = philox(state[0], from);
        into[0] = (Long)drawn.x | (Long)drawn.y << 32;
        into[1] = 0;
    }
}
