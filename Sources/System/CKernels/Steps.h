// Optimizers' steps over flat memory, by the formulas that stand at their declarations in CKernels.h. Included by Kernels.h;
// the tests hold them against PyTorch's.

static void TARGET(plain_step)(float *p, const float *g, int64_t count, float rate, float decay) {
    for (int64_t i = 0; i < count; i++) p[i] -= rate * (g[i] + decay * p[i]);
}

static void TARGET(momentum_step)(
    float *p, const float *g, float *m, int64_t count, float rate, float momentum, float decay, int nesterov
) {
    if (nesterov) {
        for (int64_t i = 0; i < count; i++) {
            float gradient = g[i] + decay * p[i], moment = momentum * m[i] + gradient;
            m[i] = moment;
            p[i] -= rate * (gradient + momentum * moment);
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            float moment = momentum * m[i] + (g[i] + decay * p[i]);
            m[i] = moment;
            p[i] -= rate * moment;
        }
    }
}

// The steps of AdaptiveRule in CPU/AdaptiveSteps.swift, where the formulas stand.
static void TARGET(adaptive_step)(
    const KernelsAdaptiveStep *rule, float *w, const float *g, float *first, float *second, int64_t count
) {
    const float rate = rule->rate, epsilon = rule->epsilon, decay = rule->decay, keep = rule->smoothing, share = 1 - keep;
#define EACH(body) \
    for (int64_t i = 0; i < count; i += LANES) { \
        int64_t here = count - i; \
        V value = some(w + i, here), slope = some(g + i, here) + decay * value, sum = some(first + i, here); \
        body \
        store_some(first + i, sum, here); \
        store_some(w + i, value, here); \
    } \
    break
#define ROOT TARGET(square_root)
    switch (rule->kind) {
    case KernelsAdaGrad:
        EACH({
            sum += slope * slope;
            value -= rate * slope / (ROOT(sum) + epsilon);
        });
    case KernelsRMSProp:
        EACH({
            sum = keep * sum + share * slope * slope;
            value -= rate * slope / (ROOT(sum) + epsilon);
        });
    case KernelsAdaDelta:
        EACH({
            V changes = some(second + i, here);
            sum = keep * sum + share * slope * slope;
            V change = ROOT((changes + epsilon) / (sum + epsilon)) * slope;
            store_some(second + i, keep * changes + share * change * change, here);
            value -= rate * change;
        });
    case KernelsAdam:
        EACH({
            V squares = some(second + i, here);
            squares = rule->smoothing2 * squares + (1 - rule->smoothing2) * slope * slope;
            store_some(second + i, squares, here);
            sum = keep * sum + share * slope;
            value = value * rule->shrink - rate * sum / (ROOT(squares) * rule->scale + epsilon);
        });
    }
#undef ROOT
#undef EACH
}
