"""Magics: commands to the kernel on a cell's first line."""

import re
import subprocess

import pytest


@pytest.fixture(scope="module")
def kernel(notebooks):
    return notebooks()


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


@pytest.mark.parametrize(
    "cell, sentence",
    [("%time", "needs code"), ("%timeit", "needs code"), ("%timeit\n// nothing", "needs code"), ("%", "%magics lists"),
     ("%whos", "the nearest is %who"), ("%who 3", "It is written %who"), ("%reset now", "It is written %reset"),
     ("%history x", "It is written %history [COUNT]"), ("%package", "an address and a version"), ("!", "needs a command"),
     ("?", "needs a name"), ("?nonsense", "nothing is known of nonsense"), ("%wrong?", "no command of this kernel"),
     ("%timeit let x = ", "error: expected"), ("%timeit try await f()", "runs no code that awaits")])
def test_what_makes_no_sense_is_said_with_the_way_out(kernel, cell, sentence):
    error = kernel.run(cell).error
    assert sentence in error and "_cell" not in error, error


@pytest.mark.parametrize("name", ["time", "timeit", "optimize", "who", "history", "reset", "package", "magics"])
@pytest.mark.parametrize("asked", ["%{}?", "?%{}"])
def test_every_command_shows_its_help(kernel, asked, name):
    [page] = kernel.run(asked.format(name)).reply["payload"]
    assert page["source"] == "page" and page["data"]["text/plain"].startswith(f"%{name}")
    assert "For example:" in page["data"]["text/plain"]


def test_optimize_runs_the_rest_of_its_cell(notebook):
    assert notebook.run("%optimize on\nlet z = 3\nz").value == "3"
    assert notebook.run("%optimize off\nz + 1").value == "4"
    assert notebook.run("%optimize z + 2").value == "5"


def test_who_tells_how_much_memory_a_value_takes(notebook):
    notebook.run(
        "import Lab\nlet images = Tensor.zeros([100, 10]), numbers = [1.0, 2, 3], words = [\"ab\", \"cde\"], byte: Int8 = 3\n"
        "final class Net: Module {\n    let dense = Dense(10)\n    func callAsFunction(_ x: Tensor) -> Tensor { dense(x) }\n}\n"
        "let net = Net()\n_ = net(images)\nlet table = [\"a\": 1, \"b\": 2], none: Int? = nil")
    rows = {line.split()[0]: line for line in notebook.run("%who").value.splitlines()[2:]}
    # 1,000 elements of 4 bytes; 10 × 10 weights and 10 biases; letters, and keys with values of 8 bytes.
    for name, size in [("images", "4.0 KB"), ("numbers", "24 B"), ("words", "5 B"), ("byte", "1 B"), ("table", "18 B")]:
        assert f"  {size}  " in rows[name], rows[name]
    # Its 110 parameters, and what else the layer knows.
    assert 440 <= int(re.search(r"  (\d+) B  ", rows["net"])[1]) < 640, rows["net"]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Where kernels started from here on keep packages."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def package(folder, manifest: str, sources: dict[str, str]):
    """A package with a version, in a folder: no network is asked."""
    for path, text in ({"Package.swift": "// swift-tools-version: 6.0\n" + manifest} | sources).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "1"], ["tag", "1.0.0"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def test_a_package_can_be_imported_and_is_kept(own_cache, notebook, tmp_path):
    greeting = package(
        tmp_path / "Greeting",
        'import PackageDescription\nlet package = Package(name: "Greeting",\n'
        '    products: [.library(name: "Greeting", targets: ["Greeting"])], targets: [.target(name: "Greeting")])\n',
        {"Sources/Greeting/Greeting.swift": 'public func greeting(_ name: String) -> String { "Hello, \\(name)" }\n'})
    outcome = notebook.run(f"%package {greeting} 1.0.0", timeout=200)
    assert outcome.error == "", outcome.stdout
    assert notebook.run('import Greeting\ngreeting("lab")').value == '"Hello, lab"'
    assert notebook.complete("greet|")["matches"] == ["greeting", "Greeting"]
    assert "From the module Greeting." in notebook.inspect("greeting|")["data"]["text/plain"]
    assert list((tmp_path / "cache" / "swift-lab" / "packages").iterdir())
    again = notebook.run(f"%package {greeting} 1.0.0")
    assert "Building" not in again.stdout


# What the compiler starts and asks to expand a macro: messages of JSON, each behind its length in 8 bytes. Written by
# hand, because building swift-syntax for it would take minutes.
MACRO_PROGRAM = r'''
import Glibc
func take(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count), got = 0
    while got < count {
        let more = bytes.withUnsafeMutableBytes { read(0, $0.baseAddress! + got, count - got) }
        if more <= 0 { return nil }
        got += more
    }
    return bytes
}
while let header = take(8) {
    let length = header.reversed().reduce(0) { $0 << 8 | Int($1) }
    let request = String(decoding: take(length) ?? [], as: UTF8.self)
    let answer = request.contains("getCapability")
        ? #"{"getCapabilityResult":{"capability":{"protocolVersion":7}}}"#
        : #"{"expandMacroResult":{"expandedSource":"6 * 7","diagnostics":[]}}"#
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: answer.utf8.count >> ($0 * 8)) } + Array(answer.utf8)
    _ = bytes.withUnsafeBytes { write(1, $0.baseAddress!, $0.count) }
}
'''


def test_a_macro_of_a_package_expands(own_cache, notebook, tmp_path):
    answer = package(
        tmp_path / "Answer",
        'import CompilerPluginSupport\nimport PackageDescription\nlet package = Package(name: "Answer",\n'
        '    products: [.library(name: "Answer", targets: ["Answer"])],\n'
        '    targets: [.macro(name: "AnswerMacros"), .target(name: "Answer", dependencies: ["AnswerMacros"])])\n',
        {"Sources/AnswerMacros/main.swift": MACRO_PROGRAM,
         "Sources/Answer/Answer.swift":
             '@freestanding(expression) public macro answer() -> Int = #externalMacro(module: "AnswerMacros", type: "A")\n'})
    outcome = notebook.run(f"%package {answer} 1.0.0", timeout=200)
    assert outcome.error == "", outcome.stdout
    assert notebook.run("import Answer\n#answer").value == "42"
    assert notebook.run("func twice() -> Int { #answer * 2 }\ntwice()").value == "84"
