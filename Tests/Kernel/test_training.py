"""Training in a notebook: interrupted, it keeps what it learned."""

import time

PREPARE = """
import Lab
let data = try Dataset.mnist().split(training: 0.6, validation: 0.2, test: 0.2, seed: 7).normalized()
final class LeNet: Module {
    let conv1 = Conv2D(20, kernel: 5), conv2 = Conv2D(50, kernel: 5)
    let hidden = Dense(500), output = Dense(10)
    func callAsFunction(_ images: Tensor) -> Tensor {
        let features = maxPool(conv2(maxPool(conv1(images), 2)), 2)
        return output(relu(hidden(features.flattened())))
    }
}
var settings = Hyperparameters()
settings.epochs = 1_000
settings.batchSize = 64
settings.optimizer = .sgd(momentum: 0.9, weightDecay: 1e-4)
settings.learningRate = .fixed(0.01)
settings.seed = 1
"""


def test_an_interrupt_ends_training_within_a_second_and_keeps_the_model(notebook):
    assert notebook.run(PREPARE).error == ""
    cell = notebook.start("let run = try train(LeNet(), on: data, settings)")
    # The plot exists from the first epoch on; its third change says that at least one epoch was learned.
    for _ in range(3):
        notebook.wait_for(
            cell,
            lambda m: m["msg_type"] == "update_display_data" and "image/png" in m["content"]["data"])
    asked = time.monotonic()
    notebook.interrupt()
    notebook.finish(cell)
    # The figure that the project promises.
    assert time.monotonic() - asked < 1
    # Ten classes: 0.1 is guessing. One epoch of 3,000 digits gives 0.8 and more.
    outcome = notebook.run("run.evaluate(on: data.test).accuracy > 0.6")
    assert outcome.error == ""
    assert outcome.value == "true"


def test_an_interrupt_waits_for_a_step_that_takes_long(notebook):
    """A step of this network takes some tenths of a second, in code of the cell's own: longer than a cell is given that
    does not say that it heeds interrupts."""
    assert notebook.run(PREPARE + """
final class SlowNet: Module {
    let conv1 = Conv2D(20, kernel: 5, padding: 2), conv2 = Conv2D(20, kernel: 5, padding: 2), output = Dense(10)
    func callAsFunction(_ images: Tensor) -> Tensor {
        var features = conv1(images)
        for _ in 0..<6 { features = relu(conv2(features)) }
        return output(maxPool(features, 4).flattened())
    }
}
settings.batchSize = 256
settings.learningRate = .fixed(0.0001)
""").error == ""
    cell = notebook.start("let slow = try train(SlowNet(), on: data, settings)")
    for _ in range(3):
        notebook.wait_for(cell, lambda m: m["msg_type"] == "update_display_data")
    notebook.interrupt()
    assert notebook.finish(cell).error == ""
    assert notebook.run("slow.wasInterrupted").value == "true"


def test_a_trap_within_training_ends_its_run_and_its_bar(notebook):
    """The thread of the cell never runs again: the run would say "running" for as long as the kernel lives."""
    assert notebook.run(PREPARE + """
final class Net: Module {
    let output = Dense(10)
    var calls = 0
    func callAsFunction(_ images: Tensor) -> Tensor {
        calls += 1
        let two = [1, 2]
        if calls > 60 { return output(images.flattened()) * Double(two[calls]) }
        return output(images.flattened())
    }
}
""").error == ""
    outcome = notebook.run("try train(Net(), on: data, settings)")
    assert "Index out of range" in outcome.error
    bars = [m["content"]["data"]["text/plain"] for m in outcome.messages if m["msg_type"] == "update_display_data"]
    assert "stopped within a step" in bars
    assert notebook.run("runs.last!.status").value == '"failed"'
    assert "its cell was ended within a step" in notebook.run("print(runs.last!.log)").stdout
