"""Magics: commands to the kernel on a cell's first line."""

import subprocess

import pytest


def test_time_tells_how_long_a_cell_took_and_shows_its_value(notebook):
    outcome = notebook.run("%time 6 * 7")
    assert outcome.value == "42"
    assert "of which the compiler took" in outcome.stdout


def test_timeit_measures_a_run(notebook):
    notebook.run("let numbers = Array(0..<1000)")
    assert "a run (mean ± standard deviation of 7 rounds" in notebook.run("%timeit numbers.reduce(0, +)").stdout


def test_optimize_makes_a_loop_faster(notebook):
    loop = (
        "let start = ContinuousClock.now\nvar sum = 0\nfor i in 0..<5_000_000 { sum &+= i &* i }\n"
        "print((ContinuousClock.now - start) / .milliseconds(1))\nsum")
    plain, fast = notebook.run(loop), notebook.run("%optimize\n" + loop)
    assert plain.value == fast.value
    # Without optimisation every step of the loop is a dozen calls.
    assert float(fast.stdout) < float(plain.stdout) / 5


def test_who_shows_the_variables_in_force(notebook):
    notebook.run("let a = [1, 2, 3]\nstruct Point { var x = 1.0 }")
    notebook.run("let p = Point()\nlet a = \"newer\"")
    table = notebook.run("%who").value
    assert [line.split()[:2] for line in table.splitlines()[2:]] == [["a", "String"], ["p", "Point"]]


def test_reset_forgets_and_history_remembers(notebook):
    notebook.run("let a = 1")
    assert "let a = 1" in notebook.run("%history").stdout
    assert "not understood" in notebook.run("%history -1").error
    notebook.run("%reset")
    assert "cannot find 'a'" in notebook.run("a").error


def test_a_shell_command_shows_what_it_prints_and_fails_as_it_fails(notebook):
    assert notebook.run("!echo from the shell").stdout == "from the shell\n"
    assert "status 3" in notebook.run("!exit 3").error


def test_a_shell_command_ends_when_interrupted(notebook):
    running = notebook.start("!echo started; sleep 60")
    notebook.wait_for(running, lambda message: message["msg_type"] == "stream")
    notebook.interrupt()
    assert "interrupted" in notebook.finish(running, timeout=5).error.lower()


def test_an_unknown_magic_is_named_with_the_nearest(notebook):
    assert "%timeit" in notebook.run("%timit 1").error


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Where kernels started from here on keep packages."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_package_can_be_imported_and_is_kept(own_cache, notebook, tmp_path):
    """The package lies in a folder: no network is asked."""
    package = tmp_path / "Greeting"
    (package / "Sources" / "Greeting").mkdir(parents=True)
    (package / "Package.swift").write_text(
        '// swift-tools-version: 6.0\nimport PackageDescription\n'
        'let package = Package(name: "Greeting", products: [.library(name: "Greeting", targets: ["Greeting"])],\n'
        '    targets: [.target(name: "Greeting")])\n')
    (package / "Sources" / "Greeting" / "Greeting.swift").write_text(
        'public func greeting(_ name: String) -> String { "Hello, \\(name)" }\n')
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "1"], ["tag", "1.0.0"]):
        subprocess.run(["git", *command], cwd=package, check=True)
    outcome = notebook.run(f"%package {package} 1.0.0", timeout=200)
    assert outcome.error == "", outcome.stdout
    assert notebook.run('import Greeting\ngreeting("lab")').value == '"Hello, lab"'
    assert notebook.complete("greet|")["matches"] == ["greeting", "Greeting"]
    assert "From the module Greeting." in notebook.inspect("greeting|")["data"]["text/plain"]
    assert list((tmp_path / "cache" / "swift-lab" / "packages").iterdir())
    again = notebook.run(f"%package {package} 1.0.0")
    assert "Building" not in again.stdout
