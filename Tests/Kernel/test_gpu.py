"""The labs on a GPU, the simulated one: the same cells, a kernel that finds NVIDIA's libraries."""

import re
import subprocess
import time

import pytest
from kernels import Kernel

# The simulation computes some thousand times slower than a card: few images, small layers.
PREPARE = """
import Lab
let data = try Dataset.mnist().split(training: 0.0384, validation: 0.0128, test: 0.0128, seed: 7).normalized()
final class SmallNet: Module {
    let conv = Conv2D(4, kernel: 5), hidden = Dense(16), output = Dense(10)
    func callAsFunction(_ images: Tensor) -> Tensor {
        output(relu(hidden(maxPool(conv(images), 4).flattened())))
    }
}
var settings = Hyperparameters()
settings.epochs = 2
settings.batchSize = 32
settings.optimizer = .sgd(momentum: 0.9)
settings.learningRate = .fixed(0.02)
"""


@pytest.fixture(scope="session")
def simulation(project):
    folder = project / ".build" / "simulated-gpu"
    subprocess.run([project / "Tests" / "SimulatedGPU" / "build", folder / "plain"], check=True)
    return folder


@pytest.fixture
def gpu_notebook(simulation, monkeypatch):
    """Makes notebooks on a machine that has a GPU; settings are the simulation's."""
    opened = []

    def make(cache=simulation / "cache", unchecked=False, **settings) -> Kernel:
        monkeypatch.setenv("SWIFT_LAB_CUDA", str(simulation / "plain"))
        if unchecked:
            monkeypatch.setenv("SWIFT_LAB_DEVICE", "cuda:0")
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        for name, value in settings.items():
            monkeypatch.setenv(f"SIMULATED_GPU_{name.upper()}", str(value))
        opened.append(Kernel())
        return opened[-1]

    yield make
    for notebook in opened:
        notebook.close()


def value(notebook, code):
    outcome = notebook.run(code)
    assert outcome.error == ""
    return outcome.value


def test_lab_code_trains_on_the_gpu_unchanged(gpu_notebook):
    notebook = gpu_notebook()
    assert value(notebook, PREPARE + "Device.default").startswith("Simulated GPU 0: ")
    outcome = notebook.run("let run = try train(SmallNet(), on: data, settings)")
    assert outcome.error == ""
    assert "Simulated GPU 0: " in str(outcome.messages), "the line under the plot says where it computes"
    # The same code on the processor, from the same weights but for last bits of the normal distribution.
    cells = """
let there = run.evaluate(on: data.test)
let slow = try Device.cpu.run { try train(SmallNet(), on: data, settings) }
let here = slow.evaluate(on: data.test)
(run.model.output.weight.device.isGPU, slow.model.output.weight.device, abs(there.loss - here.loss) < 1e-4 * here.loss)
"""
    assert value(notebook, cells) == "(true, cpu, true)"
    assert value(notebook, "run.model.classify(data.test[0].image).answers.count") == "10"
    assert value(notebook, "runs.all.suffix(2).map { $0.environment!.device }") == '["Simulated GPU 0", "CPU"]'


def test_a_gpu_that_computes_something_else_is_left_alone(gpu_notebook, tmp_path):
    notebook = gpu_notebook(cache=tmp_path, plant="return expf(x);=>return expf(x) * 1.01f;")
    assert value(notebook, "import Lab\nTensor([1, 2]).device") == "cpu"
    assert "did not pass its check: the loss of a classifier: off by" in value(notebook, "Device.reasonForDefault")
    said = value(notebook, "Device.all")
    assert said.startswith("cpu\nSimulated GPU 0: ") and "Tensors are made on the processor: " in said
    outcome = notebook.run(PREPARE + "let run = try train(SmallNet(), on: data, settings)")
    assert outcome.error == ""
    assert "CPU (not the GPU: the loss of a classifier: off by " in str(outcome.messages)


def test_a_kernel_that_fails_is_named_and_costs_the_gpu_not_the_session(gpu_notebook, tmp_path):
    plant = "if (a >= size || b >= size) return a < b;=>if (threadIdx.x < 3) __syncthreads();"  # the others never come
    notebook = gpu_notebook(cache=tmp_path, unchecked=True, plant=plant)
    assert notebook.run("import Lab\nlet x = Tensor([3, 1, 2])\nlet y = Device.cpu.run { Tensor([5, 4]) }").error == ""
    error = notebook.run("x.argsort()").error
    assert "CUDA_ERROR_LAUNCH_FAILED" in error and "sorting.sort_rows_float32" in error
    assert "restart the notebook's kernel" in error
    # As NVIDIA's driver does, the simulated one refuses everything from here on.
    assert "CUDA_ERROR_LAUNCH_FAILED" in notebook.run("x + 1").error
    assert value(notebook, "(Tensor([1, 2]).argsort().device, y.argsort())") == "(cpu, [1, 0]  [2] int32)"
    assert "GPU 0 is lost until the process begins anew: " in value(notebook, "Device.reasonForDefault")


def test_an_interrupt_ends_a_wait_for_the_gpu_and_not_its_context(gpu_notebook):
    # Whoever waits waits 1.5 s: a step of a large network.
    notebook = gpu_notebook(unchecked=True, delay=1500)
    assert notebook.run("import Lab\nlet x = Tensor.identity(8)").error == ""
    cell = notebook.start_printing('print("starts")\nwhile true { _ = matmul(x, x).sum().item }')
    asked = time.monotonic()
    notebook.interrupt()
    assert notebook.finish(cell).error.startswith("Interrupted")
    assert time.monotonic() - asked < 1
    assert value(notebook, "matmul(x, x).sum().item") == "8.0"


def test_an_interrupt_ends_training_at_a_step(gpu_notebook):
    notebook = gpu_notebook(unchecked=True, delay=20)
    assert notebook.run(PREPARE + "settings.epochs = 50").error == ""
    cell = notebook.start("let run = try train(SmallNet(), on: data, settings)")
    for _ in range(3):
        notebook.wait_for(
            cell, lambda m: m["msg_type"] == "update_display_data" and "image/png" in m["content"]["data"])
    asked = time.monotonic()
    notebook.interrupt()
    assert notebook.finish(cell).error == ""
    # Two launches, the losses, and what is kept: each of some hundred looks at the GPU takes 20 ms here.
    assert time.monotonic() - asked < 5
    # Steps of 32 images each, the last of an epoch of what is left.
    assert value(notebook, "run.history.imagesSeen % data.training.count % 32") == "0"
    assert value(notebook, "run.wasInterrupted && run.model.device.isGPU") == "true"
    assert value(notebook, "run.evaluate(on: data.test).count == data.test.count") == "true"


def test_a_batch_that_is_too_large_says_the_way_out(gpu_notebook):
    notebook = gpu_notebook(unchecked=True, memory=56 << 20)  # 32 of them are cuBLAS's
    assert notebook.run(PREPARE.replace("0.0384", "0.3072") + "settings.batchSize = 1536").error == ""
    error = notebook.run("try train(SmallNet(), on: data, settings)").error
    assert re.search(r"the GPU has no \d+ MB for \w+: of 56 MB are \d+ (MB|KB) free, \d+ MB in use here", error), error
    assert "most by " in error and "Use smaller batches" in error
    # All of it came back but the data set, which the next run takes.
    small = notebook.run("settings.batchSize = 256\nlet run = try train(SmallNet(), on: data, settings)")
    assert small.error == ""
    assert value(notebook, "run.model.device.isGPU") == "true"


def test_every_thread_of_a_cell_computes_there(gpu_notebook):
    notebook = gpu_notebook(unchecked=True)
    assert notebook.run("import Lab\nimport Dispatch\nlet x = Tensor.range(1_000)").error == ""
    sums = """
nonisolated(unsafe) var sums = [Float](repeating: 0, count: 8)
DispatchQueue.concurrentPerform(iterations: 8) { sums[$0] = (x * Double($0)).sum().item }
sums.map { $0 / 499_500 }
"""
    assert value(notebook, sums) == "[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]"
    product = "await Task.detached { matmul(Tensor.ones([1, 1000]), x.reshaped(1000, 1)) }.value"
    assert value(notebook, f"let later = {product}\n(later.item / 499_500, later.device.isGPU)") == "(1.0, true)"
