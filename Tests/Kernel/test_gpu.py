"""The labs on a GPU, the simulated one: the same cells, a kernel that finds NVIDIA's libraries."""

import subprocess
import time

import pytest
from kernels import Kernel

# The simulation computes some thousand times slower than a card: few images, small layers.
PREPARE = """
import Lab
let data = try Dataset.mnist()[0..<320].split(training: 0.6, validation: 0.2, test: 0.2, seed: 7).normalized()
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

    def make(cache=simulation / "cache", **settings) -> Kernel:
        monkeypatch.setenv("SWIFT_LAB_CUDA", str(simulation / "plain"))
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
