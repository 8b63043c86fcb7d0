"""Files of tensors that Python's own libraries wrote are read in a notebook, and the other way round."""

import numpy
import pytest
from kernels import Kernel
from safetensors.numpy import load_file, save_file

ARRAYS = {
    "single": numpy.array([[1, -2.5, 3e-40], [4, numpy.inf, 6]], dtype=numpy.float32),
    "double": numpy.linspace(-1, 1, 24).reshape(2, 3, 4),
    "labels": numpy.array([3, -1, 2**31 - 1], dtype=numpy.int32),
    "pixels": numpy.arange(256, dtype=numpy.uint8).reshape(16, 16),
    "mask": numpy.array([True, False, True]),
    "scalar": numpy.array(2.5, dtype=numpy.float32),
    "nothing": numpy.zeros((0, 3), dtype=numpy.float32),
}


@pytest.fixture(scope="module")
def notebook():
    notebook = Kernel()
    assert not notebook.run("import Lab").error
    yield notebook
    notebook.close()


def same(found: dict) -> bool:
    return found.keys() == ARRAYS.keys() and all(
        found[name].dtype == array.dtype and found[name].shape == array.shape and (found[name] == array).all()
        for name, array in ARRAYS.items())


def test_safetensors_go_there_and_back(notebook, tmp_path):
    save_file(ARRAYS, tmp_path / "python.safetensors", metadata={"epoch": "3"})
    outcome = notebook.run(f"""
        let read = try Safetensors(path: "{tmp_path}/python.safetensors")
        try Safetensors(read.tensors, metadata: read.metadata).write(to: "{tmp_path}/swift.safetensors")
        read.metadata["epoch"] ?? ""
        """)
    assert not outcome.error and outcome.value == '"3"'
    assert same(load_file(tmp_path / "swift.safetensors"))


@pytest.mark.parametrize("save", [numpy.savez, numpy.savez_compressed])
def test_archives_of_numpy_go_there_and_back(notebook, tmp_path, save):
    save(tmp_path / "python.npz", **ARRAYS)
    outcome = notebook.run(f"""
        try NumPyArchive(NumPyArchive(path: "{tmp_path}/python.npz").tensors).write(to: "{tmp_path}/swift.npz")
        """)
    assert not outcome.error
    with numpy.load(tmp_path / "swift.npz") as found:
        assert same(dict(found))


@pytest.mark.parametrize("array", [
    numpy.arange(12, dtype=numpy.float32).reshape(3, 4), numpy.asfortranarray(numpy.arange(12.0).reshape(3, 4)),
    numpy.arange(6, dtype=">f4").reshape(2, 3), numpy.arange(6, dtype=numpy.float16), numpy.arange(-3, 3),
])
def test_arrays_of_numpy_keep_their_numbers(notebook, tmp_path, array):
    numpy.save(tmp_path / "python.npy", array)
    outcome = notebook.run(f"""
        try Tensor(npy: "{tmp_path}/python.npy").writeNPY(to: "{tmp_path}/swift.npy")
        """)
    assert not outcome.error
    found = numpy.load(tmp_path / "swift.npy")
    assert found.shape == array.shape and (found == array).all()


def test_a_damaged_archive_is_refused_with_a_sentence(notebook, tmp_path):
    numpy.savez_compressed(tmp_path / "whole.npz", **ARRAYS)
    whole = (tmp_path / "whole.npz").read_bytes()
    for cut in [0, 10, len(whole) // 2, len(whole) - 30]:
        (tmp_path / "cut.npz").write_bytes(whole[:cut])
        outcome = notebook.run(f'let cut = try NumPyArchive(path: "{tmp_path}/cut.npz")')
        assert "cut.npz: is damaged or no .npz file" in outcome.error
