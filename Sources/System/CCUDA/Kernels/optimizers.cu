// Steps of the optimizers, with the formulas of ParameterStorage.swift and AdaptiveSteps.swift. All parameters in one
// launch: block row y takes parameter y of a table in device memory. Every number that may change from step to step
// lies in device memory, too, so that a captured graph never has to be captured again: settings[0] is the learning
// rate.

#define PARAMETER \
    const LabParameter parameter = parameters[blockIdx.y]; \
    float *w = (float *)parameter.values; \
    const float *g = (const float *)parameter.gradient; \
    float *state = (float *)parameter.state; \
    const Index count = parameter.count; \
    const float rate = settings[0];

// settings: rate, momentum, decay.
KERNEL momentum_step(const LabParameter *parameters, const float *settings, int isNesterov) {
    PARAMETER
    const float momentum = settings[1], decay = settings[2];
    EACH(i, count) {
        const float slope = g[i] + decay * w[i];
        const float moment = momentum * state[i] + slope;
        state[i] = moment;
        w[i] -= rate * (isNesterov ? slope + momentum * moment : moment);
    }
}

// settings: rate, epsilon, decay.
KERNEL ada_grad_step(const LabParameter *parameters, const float *settings) {
    PARAMETER
    const float epsilon = settings[1], decay = settings[2];
    EACH(i, count) {
        const float slope = g[i] + decay * w[i];
        state[i] += slope * slope;
        w[i] -= rate * slope / (sqrtf(state[i]) + epsilon);
    }
}

// settings: rate, smoothing, epsilon, decay.
KERNEL rms_prop_step(const LabParameter *parameters, const float *settings) {
    PARAMETER
    const float smoothing = settings[1], epsilon = settings[2], decay = settings[3];
    EACH(i, count) {
        const float slope = g[i] + decay * w[i];
        state[i] = smoothing * state[i] + (1 - smoothing) * slope * slope;
        w[i] -= rate * slope / (sqrtf(state[i]) + epsilon);
    }
}

// settings: rate, smoothing, epsilon, decay.
KERNEL ada_delta_step(const LabParameter *parameters, const float *settings) {
    PARAMETER
    const float smoothing = settings[1], epsilon = settings[2], decay = settings[3];
    float *changes = state + count;
    EACH(i, count) {
        const float slope = g[i] + decay * w[i];
        state[i] = smoothing * state[i] + (1 - smoothing) * slope * slope;
        const float change = sqrtf((changes[i] + epsilon) / (state[i] + epsilon)) * slope;
        changes[i] = smoothing * changes[i] + (1 - smoothing) * change * change;
        w[i] -= rate * change;
    }
}

// Counts a step for each parameter, in the last number of its state, before the step itself: of Adam and FTRL. `before`
// [parameters] gets how many there were.
KERNEL count_step(const LabParameter *parameters, float *before, int parameterCount) {
    EACH(i, parameterCount) {
        float *steps = (float *)parameters[i].state + 2 * parameters[i].count;
        before[i] = steps[0];
        steps[0] += 1;
    }
}
KERNEL mark_begun(const LabParameter *parameters, float *before, int parameterCount) {
    EACH(i, parameterCount) {
        float *begun = (float *)parameters[i].state + 2 * parameters[i].count;
        before[i] = begun[0];
        begun[0] = 1;
    }
}

// settings: rate, beta, lasso, ridge.
KERNEL ftrl_step(const LabParameter *parameters, const float *settings, const float *begun) {
    PARAMETER
    const float beta = settings[1], lasso = settings[2], ridge = settings[3];
    const bool isFirst = begun[blockIdx.y] == 0;
    float *sums = state + count;
    EACH(i, count) {
        float sum = isFirst ? -w[i] * (beta / rate + ridge) - (w[i] > 0 ? lasso : w[i] < 0 ? -lasso : 0.0f) : sums[i];
        const float before = sqrtf(state[i]);
        state[i] += g[i] * g[i];
        const float after = sqrtf(state[i]);
        sum += g[i] - (after - before) / rate * w[i];
        sums[i] = sum;
        const float excess = fabsf(sum) - lasso;
        w[i] = excess <= 0 ? 0.0f : (sum > 0 ? -excess : excess) / ((beta + after) / rate + ridge);
    }
}

// settings: rate, beta1, beta2, epsilon, decay.
KERNEL adam_step(const LabParameter *parameters, const float *settings, const float *steps, int isDecoupled) {
    PARAMETER
    const float beta1 = settings[1], beta2 = settings[2], epsilon = settings[3], decay = settings[4];
    const double step = (double)steps[blockIdx.y] + 1;
    const float size = rate / (float)(1 - pow((double)beta1, step));
    const float scale = (float)(1 / sqrt(1 - pow((double)beta2, step)));
    const float coupled = isDecoupled ? 0.0f : decay, shrink = isDecoupled ? 1 - rate * decay : 1.0f;
    float *squares = state + count;
    EACH(i, count) {
        const float slope = g[i] + coupled * w[i];
        state[i] = beta1 * state[i] + (1 - beta1) * slope;
        squares[i] = beta2 * squares[i] + (1 - beta2) * slope * slope;
        w[i] = w[i] * shrink - size * state[i] / (sqrtf(squares[i]) * scale + epsilon);
    }
}
