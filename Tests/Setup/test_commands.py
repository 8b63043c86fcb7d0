"""The program's own commands: install, doctor, and what `kernel` says when it cannot start."""

import gzip
import json
import os

import pytest
from jupyter_client.kernelspec import KernelSpecManager


def kernels(prefix):
    return prefix / "share" / "jupyter" / "kernels"


def test_install_registers_a_kernel_that_jupyter_accepts(swift_lab, tmp_path):
    result = swift_lab("install", "--prefix", tmp_path)
    assert result.returncode == 0, result.stderr
    specification = KernelSpecManager(kernel_dirs=[str(kernels(tmp_path))]).get_kernel_spec("swift-lab")
    assert os.access(specification.argv[0], os.X_OK)
    assert specification.argv[1:] == ["kernel", "--connection-file", "{connection_file}"]
    assert specification.display_name == "Swift Lab"
    assert specification.language == "swift"
    assert specification.interrupt_mode == "message"
    for logo in ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg"):
        assert (kernels(tmp_path) / "swift-lab" / logo).stat().st_size > 0


def test_install_for_a_user_goes_to_jupyters_own_folder(swift_lab, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "JUPYTER_DATA_DIR"}
    swift_lab("install", "--user", env={**environment, "XDG_DATA_HOME": str(tmp_path)})
    assert (tmp_path / "jupyter" / "kernels" / "swift-lab" / "kernel.json").exists()


def test_install_takes_another_name(swift_lab, tmp_path):
    swift_lab("install", "--prefix", tmp_path, "--name", "swift-lab-next")
    assert [folder.name for folder in kernels(tmp_path).iterdir()] == ["swift-lab-next"]


def test_installing_again_replaces_what_was_there_and_leaves_nothing_else(swift_lab, tmp_path):
    swift_lab("install", "--prefix", tmp_path)
    folder = kernels(tmp_path) / "swift-lab"
    fresh = (folder / "kernel.json").read_text()
    (folder / "kernel.json").write_text("{ damaged")
    (folder / "stray").write_text("from an older version")
    result = swift_lab("install", "--prefix", tmp_path)
    assert result.returncode == 0
    assert (folder / "kernel.json").read_text() == fresh
    assert not (folder / "stray").exists()
    assert [entry.name for entry in kernels(tmp_path).iterdir()] == ["swift-lab"]
    assert "already" in swift_lab("install", "--prefix", tmp_path).stdout


@pytest.mark.parametrize("quiet", [["--quiet"], []], ids=["quiet", "talking"])
def test_taking_over_another_copys_place_is_said_with_the_way_back(swift_lab, tmp_path, quiet):
    other = tmp_path / "other copy" / ".build" / "release" / "swift-lab"
    other.parent.mkdir(parents=True)
    other.write_text("another program")
    (tmp_path / "other copy" / "kernelspec").mkdir()
    (tmp_path / "other copy" / "kernelspec" / "kernel.json").write_text("{}")
    swift_lab("install", "--prefix", tmp_path)
    file = kernels(tmp_path) / "swift-lab" / "kernel.json"
    ours = json.loads(file.read_text())
    file.write_text(json.dumps({**ours, "argv": [str(other), *ours["argv"][1:]]}))
    said = swift_lab("install", "--prefix", tmp_path, *quiet).stdout
    assert f"before, it was the one in {tmp_path / 'other copy'}.\n" in said
    assert f"To go back: {other} install --prefix {tmp_path}\n" in said
    assert json.loads(file.read_text()) == ours
    # Nothing was taken over, or what was registered is gone: nothing to say.
    assert swift_lab("install", "--prefix", tmp_path, "--quiet").stdout == ""
    file.write_text(json.dumps({**ours, "argv": ["/gone/swift-lab", *ours["argv"][1:]]}))
    assert swift_lab("install", "--prefix", tmp_path, "--quiet").stdout == ""


def test_a_place_that_cannot_be_written_is_named(swift_lab, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    result = swift_lab("install", "--prefix", tmp_path / "file")
    assert result.returncode == 2
    assert str(kernels(tmp_path / "file")) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_doctor_finds_everything_here(swift_lab):
    result = swift_lab("doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [line for line in result.stdout.splitlines() if line[0] in "✓✗"]
    subjects = ["Swift toolchain", "symboliser", "a cell", "ZeroMQ", "MNIST", "JupyterLab", "kernel registered", "font", "memory"]
    for subject in subjects:
        assert any(line.startswith(f"✓ {subject}") for line in lines), result.stdout


def test_doctor_says_what_is_missing_and_what_to_do(swift_lab, tmp_path):
    environment = {**os.environ, "PATH": "/usr/bin:/bin", "SWIFT_LAB_DATA": str(tmp_path)}
    result = swift_lab("doctor", env=environment)
    assert result.returncode == 2
    [mnist] = [line for line in result.stdout.splitlines() if line.startswith("✗ MNIST")]
    assert str(tmp_path) in mnist and "make lab" in mnist
    assert "MNIST" in result.stderr


def test_doctor_reads_the_digits_and_names_a_file_that_is_cut_short(swift_lab, tmp_path):
    # Two lines of 784 pixels and a class, packed; then the same without the last bytes of the packing.
    line = ",".join(["0"] * 784 + ["7"]) + "\n"
    packed = gzip.compress((line * 2).encode())
    file = tmp_path / "mnist_5k.csv.gz"
    environment = {**os.environ, "SWIFT_LAB_DATA": str(tmp_path)}

    def mnist(content):
        file.write_bytes(content)
        result = swift_lab("doctor", env=environment)
        return result, next(line for line in result.stdout.splitlines() if line[2:].startswith("MNIST "))

    result, line = mnist(packed)
    assert line.startswith("✓") and "2 images" in line
    result, line = mnist(packed[:-12])
    assert result.returncode == 2
    assert line.startswith("✗") and str(file) in line and "cut short" in line and "make lab" in line


WHOLE = {
    "transport": "tcp", "ip": "127.0.0.1", "shell_port": 0, "iopub_port": 0, "stdin_port": 0, "control_port": 0,
    "hb_port": 0, "key": "k", "signature_scheme": "hmac-sha256",
}


@pytest.mark.parametrize(
    "content",
    [None, "", "{ not json", "[]", json.dumps({key: value for key, value in WHOLE.items() if key != "shell_port"})],
    ids=["missing", "empty", "no-json", "no-object", "no-shell-port"],
)
def test_a_broken_connection_file_is_named_in_one_sentence(swift_lab, tmp_path, content):
    file = tmp_path / "connection.json"
    if content is not None:
        file.write_text(content)
    result = swift_lab("kernel", "--connection-file", file)
    assert result.returncode == 2
    assert str(file) in result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
