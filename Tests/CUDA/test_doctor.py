"""`swift-lab doctor` with the simulated GPU: the program finds its libraries as it would find NVIDIA's."""

import os


def lines(result):
    return {line[2:].split("  ")[0]: line for line in result.stdout.splitlines() if line[:1] in "✓✗"}


def test_doctor_names_the_libraries_and_the_gpu(swift_lab, folder):
    result = swift_lab(
        "doctor", env={**os.environ, "SWIFT_LAB_CUDA": str(folder), "SIMULATED_GPU_MEMORY": str(8 << 30)}
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found = lines(result)
    assert found["NVIDIA driver"].startswith("✓") and f"{folder}/libcuda.so.1" in found["NVIDIA driver"]
    assert found["NVRTC"].startswith("✓") and found["cuBLAS"].startswith("✓") and found["NVML"].startswith("✓")
    # Not needed, so no cross; but said, with the way to have it.
    assert found["cuDNN"].startswith("✓") and "pip install nvidia-cudnn-cu13" in found["cuDNN"]
    assert found["GPU"].endswith("Simulated GPU 0: 0.0 of 8.0 GB used, 7 % busy, 41 °C, compute capability 9.0")
    # cuBLAS brings it; that it is not found by itself costs nothing.
    assert found["cuBLASLt"].startswith("✓") and "nothing asks for it but cuBLAS" in found["cuBLASLt"]
    # It was seen to compute what the processor does.
    assert "the GPU: Simulated GPU 0: 8 computations were the processor's to " in found["computing on"]
    chosen = {**os.environ, "SWIFT_LAB_CUDA": str(folder), "SWIFT_LAB_DEVICE": "cuda:0"}
    assert lines(swift_lab("doctor", env=chosen))["computing on"].endswith("the GPU: SWIFT_LAB_DEVICE says so")


def planted(folder, cache, text):
    """The environment of a GPU with this defect in its kernels, which are compiled anew."""
    return {**os.environ, "SWIFT_LAB_CUDA": str(folder), "XDG_CACHE_HOME": str(cache), "SIMULATED_GPU_PLANT": text}


def test_a_gpu_that_computes_something_else_is_not_used(swift_lab, folder, tmp_path):
    """Every exponential is a hundredth too large there: the loss of a classifier shows it, and so does doctor."""
    result = swift_lab("doctor", env=planted(folder, tmp_path, "return expf(x);=>return expf(x) * 1.01f;"))
    # The labs run on the processor.
    assert result.returncode == 0, result.stdout + result.stderr
    found = lines(result)
    assert found["computing on"].startswith("✗")
    why = "did not pass its check: the loss of a classifier: off by 0.00"
    assert f"the processor: Simulated GPU 0 {why}" in found["computing on"]
    assert found["GPU"].startswith("✗") and "not used unless SWIFT_LAB_DEVICE=cuda:0 says so" in found["GPU"]


def test_a_gpu_whose_kernels_fault_is_not_used(swift_lab, folder, tmp_path):
    """The check's own thread is left behind, and whoever asked gets an answer: which kernels were running."""
    result = swift_lab("doctor", env=planted(folder, tmp_path, "return expf(x);=>return *(const float *)8;"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "an illegal memory access" in (line := lines(result)["computing on"]) and "softmax" in line, line


def test_doctor_says_what_is_missing_beside_a_driver(swift_lab, folder, tmp_path):
    (tmp_path / "libcuda.so.1").symlink_to(folder / "libcuda.so.1")
    result = swift_lab("doctor", env={**os.environ, "SWIFT_LAB_CUDA": str(tmp_path)})
    # The labs run on the processor all the same.
    assert result.returncode == 0, result.stdout + result.stderr
    found = lines(result)
    assert found["NVRTC"].startswith("✗") and "pip install nvidia-cuda-nvrtc" in found["NVRTC"]
    assert found["cuBLAS"].startswith("✗") and "pip install nvidia-cublas" in found["cuBLAS"]
    assert "NVRTC is missing" in found["computing on"]


def test_doctor_without_a_driver_has_one_line_for_it(swift_lab, tmp_path):
    result = swift_lab("doctor", env={**os.environ, "SWIFT_LAB_CUDA": str(tmp_path)})
    assert result.returncode == 0
    assert lines(result)["GPU"].startswith("✓") and "the labs run on the processor" in lines(result)["GPU"]
    assert "NVRTC" not in lines(result)
