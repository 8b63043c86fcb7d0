"""Runs in a notebook: kept, resumed by a class that was written anew, swept, compared, explained, exported."""

import pytest

PREPARE = """
import Lab
let digits = try Dataset.mnistSmall()
let data = digits.split(training: 0.12, validation: 0.04, test: 0.04, seed: 7).normalized()
final class Net: Module {
    let conv = Conv2D(8, kernel: 5), output = Dense(10)
    func callAsFunction(_ images: Tensor) -> Tensor { output(relu(maxPool(conv(images), 4)).flattened()) }
}
var settings = Hyperparameters()
settings.epochs = 4
settings.learningRate = .fixed(0.02)
"""


@pytest.fixture(scope="module")
def lab(notebooks, tmp_path_factory):
    import os

    # Kernels inherit it: these runs are nobody else's.
    os.environ["SWIFT_LAB_RUNS"] = str(tmp_path_factory.mktemp("runs"))
    try:
        notebook = notebooks()
    finally:
        del os.environ["SWIFT_LAB_RUNS"]
    assert notebook.run(PREPARE).error == ""
    return notebook


def value(notebook, code: str) -> str:
    outcome = notebook.run(code)
    assert outcome.error == ""
    return outcome.value


def test_settings_show_what_they_do_and_the_rate_its_course(lab):
    assert "labelSmoothing" in value(lab, "settings")
    outcome = lab.run("settings.learningRate")
    assert "image/png" in outcome.contents("execute_result")[0]["data"]


def test_shift_tab_explains_a_setting(lab):
    text = lab.inspect("settings.labelSmoo|thing")["data"]["text/plain"]
    assert "What part of the answer is spread over all classes alike" in text


def test_a_redefined_class_resumes(lab):
    assert lab.run('let run = try train(Net(), on: data, settings, name: "first")').error == ""
    again = PREPARE[PREPARE.index("final class"):PREPARE.index("var settings")]
    assert lab.run(again).error == ""
    assert value(lab, 'let longer = try runs["first"].resume(Net(), on: data, until: 6)\nlonger.epochs') == "6.0"
    assert "1 first" in value(lab, "runs")
    assert value(lab, 'try runs["first"].snapshots.last') == "Optional(6.0)"


def test_a_sweep_marks_its_best(lab):
    outcome = lab.run("""
        let found = try sweep(settings, learningRate: [0.0001, 0.02], batchSize: [32, 64]) { try train(Net(), on: data, $0) }
        found
    """)
    assert outcome.error == ""
    assert outcome.value.startswith("Best: rate 0.02, ")
    pictures = [m for m in outcome.contents("display_data", "update_display_data") if "image/png" in m["data"]]
    assert "★" in pictures[-1]["data"]["text/plain"]


def test_a_learning_rate_is_found(lab):
    assert "suggestion: " in value(lab, "let rates = try findLearningRate(Net(), on: data, settings)\nrates")


def test_a_run_is_compared_and_judged(lab):
    assert "McNemar" in value(lab, "longer.compared(with: run)")
    assert "average precision" in value(lab, "longer.evaluate(on: data.test).precisionRecall(of: 8)")
    assert "was taken for" in value(lab, "longer.evaluate(on: data.test).mostConfused()")


def test_an_image_is_explained(lab):
    outcome = lab.run("longer.model.classify(data.test[0].image).explained()")
    assert outcome.error == ""
    result = outcome.contents("execute_result")[0]["data"]
    assert "image/png" in result and "conv" in result["text/plain"]


def test_python_reads_what_is_exported_with_its_preparation(lab, tmp_path):
    import json

    from safetensors import safe_open

    path = tmp_path / "net.safetensors"
    assert lab.run(f'try longer.export("{path}")').error == ""
    with safe_open(path, "np") as file:
        assert set(file.keys()) == {"conv.weight", "conv.bias", "output.weight", "output.bias"}
        preparation = json.loads(file.metadata()["preparation"])
        assert preparation["imageShape"] == [1, 28, 28]
        assert preparation["classNames"] == [str(digit) for digit in range(10)]
        # The network by hand, in NumPy: the same answer for an image.
        import numpy as np

        weight, bias = file.get_tensor("conv.weight"), file.get_tensor("conv.bias")
        dense, offset = file.get_tensor("output.weight"), file.get_tensor("output.bias")
    pixels = np.array(eval(value(lab, "data.test[0].image.pixels")), dtype=np.float64).reshape(28, 28)
    image = (pixels / 255 - preparation["mean"][0]) / preparation["deviation"][0]
    windows = np.lib.stride_tricks.sliding_window_view(image, (5, 5))
    maps = np.einsum("yxab,fab->fyx", windows, weight[:, 0].astype(np.float64)) + bias[:, None, None]
    pooled = np.maximum(maps.reshape(8, 6, 4, 6, 4).max(axis=(2, 4)), 0)
    logits = dense @ pooled.reshape(-1) + offset
    powers = np.exp(logits - logits.max())
    expected = powers / powers.sum()
    answers = value(
        lab,
        f'let reader = try Classifier("{path}", Net())\n'
        'reader.classify(data.test[0].image).answers.map { "\\($0.name)=\\($0.probability)" }.joined(separator: " ")')
    for pair in answers.strip('"').split():
        name, probability = pair.split("=")
        # 32-bit arithmetic against 64-bit.
        assert abs(expected[int(name)] - float(probability)) < 1e-4
