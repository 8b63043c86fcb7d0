"""A few steps of each optimizer."""

import ctypes

import numpy
from gpu import Int, Parameter

from .checking import check, near


@check
def optimizers(gpu, random):
    sizes = (300, 7)
    start = [random.normal(0, 1, n) for n in sizes]
    slopes = [[random.normal(0, 1, n) for n in sizes] for _ in range(3)]

    def run(kernel, settings, state_size, *more, before=None):
        values = [gpu.array(v.astype("float32")) for v in start]
        gradients = [gpu.empty(n) for n in sizes]
        states = [gpu.array(numpy.zeros(state_size(n), "float32")) for n in sizes]
        table = numpy.frombuffer(
            b"".join(
                bytes(Parameter(v.address, g.address, s.address, n))
                for v, g, s, n in zip(values, gradients, states, sizes)
            ),
            "uint8",
        )
        parameters, numbers, steps = (
            gpu.array(table),
            gpu.array(numpy.array(settings, "float32")),
            gpu.empty(len(sizes)),
        )
        for slope in slopes:
            for gradient, value in zip(gradients, slope):
                single = value.astype("float32")
                gpu.call(
                    "cuMemcpyHtoDAsync_v2",
                    ctypes.c_uint64(gradient.address),
                    single.ctypes.data_as(ctypes.c_void_p),
                    ctypes.c_size_t(single.nbytes),
                    gpu.stream,
                )
            if before:
                gpu.launch("optimizers", before, 1, parameters, steps, Int(len(sizes)))
            gpu.launch(
                "optimizers",
                kernel,
                (2, len(sizes), 1),
                parameters,
                numbers,
                *([steps] if before else []),
                *map(Int, more),
            )
        return [gpu.read(v) for v in values]

    def reference(step):
        results = []
        for index in range(len(sizes)):
            w, state = start[index].copy(), {}
            for number, slope in enumerate(slopes, 1):
                w = step(w, slope[index], state, number)
            results.append(w)
        return results

    rate, momentum, decay = 0.1, 0.9, 0.01

    def sgd(nesterov):
        def step(w, g, state, _):
            g = g + decay * w
            state["m"] = momentum * state.get("m", 0) + g
            return w - rate * (g + momentum * state["m"] if nesterov else state["m"])

        return step

    def ada_grad(w, g, state, _):
        g = g + decay * w
        state["s"] = state.get("s", 0) + g * g
        return w - rate * g / (numpy.sqrt(state["s"]) + 1e-10)

    def rms_prop(w, g, state, _):
        g = g + decay * w
        state["s"] = 0.99 * state.get("s", 0) + 0.01 * g * g
        return w - rate * g / (numpy.sqrt(state["s"]) + 1e-8)

    def ada_delta(w, g, state, _):
        g = g + decay * w
        state["s"] = 0.9 * state.get("s", 0) + 0.1 * g * g
        d = numpy.sqrt(state.get("t", 0) + 1e-6) / numpy.sqrt(state["s"] + 1e-6) * g
        state["t"] = 0.9 * state.get("t", 0) + 0.1 * d * d
        return w - rate * d

    def ftrl(w, g, state, _):
        lasso, ridge, beta = 0.1, 0.2, 1.0
        n = state.get("n", 0 * w)
        z = state.get("z", -w * (beta / rate + ridge) - numpy.sign(w) * lasso)
        state["n"] = n + g * g
        state["z"] = z + g - (numpy.sqrt(state["n"]) - numpy.sqrt(n)) / rate * w
        return numpy.where(
            numpy.abs(state["z"]) <= lasso,
            0,
            -(state["z"] - numpy.sign(state["z"]) * lasso) / ((beta + numpy.sqrt(state["n"])) / rate + ridge),
        )

    def adam(decoupled):
        def step(w, g, state, number):
            if decoupled:
                w = w * (1 - rate * decay)
            else:
                g = g + decay * w
            state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
            state["s"] = 0.999 * state.get("s", 0) + 0.001 * g * g
            return w - rate * state["m"] / (1 - 0.9**number) / (numpy.sqrt(state["s"] / (1 - 0.999**number)) + 1e-8)

        return step

    one, two, counted = (lambda n: n), (lambda n: 2 * n), (lambda n: 2 * n + 1)
    for name, got, expected in (
        ("momentum", run("momentum_step", [rate, momentum, decay], one, 0), reference(sgd(False))),
        ("nesterov", run("momentum_step", [rate, momentum, decay], one, 1), reference(sgd(True))),
        ("ada_grad", run("ada_grad_step", [rate, 1e-10, decay], one), reference(ada_grad)),
        ("rms_prop", run("rms_prop_step", [rate, 0.99, 1e-8, decay], one), reference(rms_prop)),
        ("ada_delta", run("ada_delta_step", [rate, 0.9, 1e-6, decay], two), reference(ada_delta)),
        ("ftrl", run("ftrl_step", [rate, 1.0, 0.1, 0.2], counted, before="mark_begun"), reference(ftrl)),
        (
            "adam",
            run("adam_step", [rate, 0.9, 0.999, 1e-8, decay], counted, 0, before="count_step"),
            reference(adam(False)),
        ),
        (
            "adam_w",
            run("adam_step", [rate, 0.9, 0.999, 1e-8, decay], counted, 1, before="count_step"),
            reference(adam(True)),
        ),
    ):
        for one_got, one_expected in zip(got, expected):
            # The formulas divide by sums of squares rounded to float32 and 1 - 0.999 loses 10 bits: 1e-5.
            near(one_got, one_expected, 1e-5, name)
