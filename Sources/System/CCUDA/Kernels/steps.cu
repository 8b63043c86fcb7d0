// What a step of training needs that a GPU takes by itself, again and again, as one graph: its numbers, and where its loss
// goes. The processor plans several steps ahead and looks at the losses once they are all taken.

// plan: the number of the step and where its batch begins; the learning rates of PLAN_STEPS steps; for each step the keys
// of its random numbers.
#define PLAN_STEPS 64
#define PLAN_RATES 2
#define PLAN_KEYS (PLAN_RATES + PLAN_STEPS / 2)

// Puts the numbers of the step where its kernels read them. places: how many learning rates and how many keys, and where
// each of them goes.
KERNEL begin_step(const Long *plan, const Long *places) {
    const Index number = (Index)plan[0], rates = (Index)places[0], keys = (Index)places[1];
    EACH(i, rates + keys) {
        if (i < rates) {
            *(float *)places[2 + i] = ((const float *)(plan + PLAN_RATES))[number];
        } else {
            *(Long *)places[2 + i] = plan[PLAN_KEYS + number * keys + (i - rates)];
        }
    }
}

// One thread, behind everything else of the step. totals [3]: the sum of the losses, how many there were, and which of them,
// counted from 1, was the first that is no number.
#define END_STEP(name, T) \
    KERNEL end_step_##name(const T *loss, Long *plan, double *totals, Index images) { \
        if (blockIdx.x || threadIdx.x) return; \
        const double value = (double)loss[0]; \
        totals[0] += value; \
        totals[1] += 1; \
        if (totals[2] == 0 && !(value - value == 0)) totals[2] = totals[1]; \
        plan[0] += 1; \
        plan[1] += images; \
    }
END_STEP(float32, float)
END_STEP(float64, double)
