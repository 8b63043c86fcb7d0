"""`make lab`, piece by piece: what it says when something is missing, and that it is quiet when nothing is."""

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request

import pytest


def clean_environment(**changes) -> dict:
    """This process's environment without what an outer `make` left in it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    return {**environment, **changes}


def run(*command, **options) -> subprocess.CompletedProcess:
    options.setdefault("env", clean_environment())
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, **options)


@pytest.fixture
def programs(tmp_path):
    """A folder to put in front of the PATH, and a way to write stand-ins for programs into it."""
    folder = tmp_path / "programs"
    folder.mkdir()

    def stand_in(name: str, script: str):
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    stand_in.path = f"{folder}:{os.environ['PATH']}"
    return stand_in


def path_without_swift() -> str:
    folders = os.environ["PATH"].split(":")
    return ":".join(folder for folder in folders if not os.path.exists(os.path.join(folder, "swift")))


def needed_packages(project, *purposes: str) -> list[str]:
    rows = [line.split() for line in (project / "scripts" / "packages.txt").read_text().splitlines()]
    return [row[0] for row in rows if row and row[0] != "#" and row[1] in purposes]


def test_without_the_right_to_install_the_missing_packages_are_named(project, programs):
    programs("dpkg-query", "printf 'installed:git installed:libc6-dev '; exit 1")
    programs("id", "echo 1000")
    programs("sudo", "exit 1")
    result = run(project / "scripts" / "install-packages", "lab", env=clean_environment(PATH=programs.path))
    missing = [name for name in needed_packages(project, "lab") if name not in ("git", "libc6-dev")]
    assert result.returncode == 2
    assert f"apt-get install {' '.join(missing)}\n" in result.stderr


def test_only_the_missing_packages_are_installed(project, programs, tmp_path):
    needed = needed_packages(project, "lab", "test")
    there = " ".join(f"installed:{name}" for name in needed if name != "chromium")
    programs("dpkg-query", f"printf '{there} '")
    programs("id", "echo 0")
    programs("apt-get", f'echo "$@" >> {tmp_path}/asked')
    result = run(project / "scripts" / "install-packages", "test", env=clean_environment(PATH=programs.path))
    assert result.returncode == 0
    assert (tmp_path / "asked").read_text().splitlines()[-1].split()[-1] == "chromium"
    assert not set(needed) - {"chromium"} & set((tmp_path / "asked").read_text().split())


def test_every_package_has_a_reason(project):
    for line in (project / "scripts" / "packages.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"\S+ +(lab|test) +\S.*", line), line


def test_without_swift_one_sentence_says_what_to_do(project):
    result = run("make", "lab", cwd=project, env=clean_environment(PATH=path_without_swift()))
    assert result.returncode == 2
    sentence = result.stderr.splitlines()[0]
    assert "swift" in sentence and "PATH" in sentence


def test_a_second_set_up_does_nothing_and_says_nothing(project):
    result = run("make", "packages", "python", "data", "kernelspec", cwd=project)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_data_folder_that_cannot_be_written_is_named(project, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    folder = str(tmp_path / "file" / "data")
    result = run(project / "scripts" / "install-data", env=clean_environment(SWIFT_LAB_DATA=folder))
    assert result.returncode == 2
    assert folder in result.stderr and "SWIFT_LAB_DATA" in result.stderr


def test_the_lab_opens_on_its_notebooks_and_stops_on_request(project):
    lab = subprocess.Popen(
        [project / ".venv" / "bin" / "python", project / "scripts" / "start_lab.py"],
        stdout=subprocess.PIPE, text=True, env=clean_environment(DISPLAY="", WAYLAND_DISPLAY=""))
    try:
        address, token = re.search(r"(http://\S+)/lab\?token=(\w+)", lab.stdout.readline()).groups()
        with urllib.request.urlopen(f"{address}/api/contents?token={token}", timeout=30) as answer:
            names = [entry["name"] for entry in json.load(answer)["content"]]
        assert "lab1-mnist.ipynb" in names
        with urllib.request.urlopen(f"{address}/api/kernelspecs?token={token}", timeout=30) as answer:
            assert "swift-lab" in json.load(answer)["kernelspecs"]
    finally:
        lab.send_signal(signal.SIGINT)
        assert lab.wait(timeout=30) == 0


@pytest.mark.parametrize("script", ["install-packages", "install-python", "install-data", "build"])
def test_a_script_is_sound_bash(project, script):
    assert run(shutil.which("bash"), "-n", project / "scripts" / script).returncode == 0
    assert "set -euo pipefail" in (project / "scripts" / script).read_text()
