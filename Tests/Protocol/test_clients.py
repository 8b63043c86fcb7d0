"""The programs that people run notebooks with, beside JupyterLab: each drives the real kernel."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pexpect
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

PROGRAMS = Path(sys.executable).parent
KERNEL = {"kernelspec": {"name": "swift-lab", "display_name": "Swift Lab", "language": "swift"}}


def notebook(*cells: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=KERNEL)


@pytest.fixture
def written(tmp_path):
    """Writes a notebook and returns its path."""

    def write(*cells: str, parameters: str | None = None) -> Path:
        made = notebook(*cells)
        if parameters:
            made.cells.insert(0, nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
        path = tmp_path / "in.ipynb"
        nbformat.write(made, path)
        return path

    return write


def values(executed) -> list[str]:
    """The plain text of every value."""
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    return [output["data"]["text/plain"] for output in outputs if output["output_type"] == "execute_result"]


def test_nbclient():
    run = NotebookClient(notebook("let answer = 6 * 7", 'print("text")\nanswer', "import Lab\ndisplay(7)")).execute()
    assert values(run) == ["42"]
    assert [output["output_type"] for output in run.cells[1].outputs] == ["stream", "execute_result"]
    assert run.cells[2].outputs[0]["data"]["text/plain"] == "7"
    assert [cell.execution_count for cell in run.cells] == [1, 2, 3]


def test_nbclient_stops_at_an_error_and_names_it():
    with pytest.raises(CellExecutionError, match="out of range"):
        NotebookClient(notebook("[1, 2][2]", "1")).execute()


def test_nbconvert(written):
    path = written("let answer = 6 * 7\nanswer")
    for options in (["--execute", "--inplace"], ["--to", "html"]):
        subprocess.run([PROGRAMS / "jupyter", "nbconvert", *options, path], check=True, capture_output=True, timeout=120)
    executed = nbformat.read(path, as_version=4)
    assert values(executed) == ["42"]
    assert executed.metadata.language_info.file_extension == ".swift"
    page = path.with_suffix(".html").read_text()
    assert "<pre>42</pre>" in page
    # Coloured as Swift: the kernel has named the lexer.
    assert "hl-swift" in page and '<span class="kd">let</span>' in page


def test_papermill_with_parameters(written, tmp_path):
    path = written(
        "rate + Double(epochs)", "names.joined()", "layers.count", 'settings["momentum"]!', "shuffle",
        parameters='let rate = 0.5  // per step\nlet epochs: Int = 1\nlet names = ["a"]\nlet shuffle = false')
    given = {
        "rate": 0.25, "epochs": 3, "names": ['é"\\(1)\n', "🙂"], "layers": [20, 50, 500], "settings": {"momentum": 0.9},
        "shuffle": True}
    done = papermill.execute_notebook(path, tmp_path / "out.ipynb", parameters=given, progress_bar=False)
    assert values(done) == ["3.25", '"é\\"\\\\(1)\\n🙂"', "3", "0.9", "true"]
    assert papermill.inspect_notebook(path)["rate"] == {
        "name": "rate", "inferred_type_name": "None", "default": "0.5", "help": "per step"}


def test_papermill_on_the_command_line(written, tmp_path):
    path, done = written("rate * 2", parameters="let rate = 0.5"), tmp_path / "out.ipynb"
    subprocess.run(
        [PROGRAMS / "papermill", "--no-progress-bar", "-p", "rate", "4.0", path, done], check=True, capture_output=True,
        timeout=120)
    assert values(nbformat.read(done, as_version=4)) == ["8.0"]


@pytest.fixture
def console():
    """`jupyter console` on a terminal of its own, at its first prompt."""
    # No colours and no questions about the cursor, so that what is read is what is written.
    program = pexpect.spawn(
        str(PROGRAMS / "jupyter"),
        ["console", "--kernel", "swift-lab", "--simple-prompt", "--ZMQTerminalInteractiveShell.kernel_timeout=60"],
        encoding="utf-8", timeout=60, dimensions=(50, 200), env={**os.environ, "TERM": "dumb"})
    program.expect(r"In \[1\]: ")
    yield program
    program.close(force=True)


def test_a_console(console):
    def run(line: str, expected: str):
        console.sendline(line)
        console.expect(expected)
        console.expect(r"In \[\d+\]: ")

    # The banner stood before the first prompt.
    assert "Swift Lab" in console.before
    run("let answer = 6 * 7", "")
    run('print("printed", answer)', "printed 42\r\n")
    run("answer + 1", r"Out\[3\]: 43\r\n")
    run("[1, 2][answer]", "Index out of range")
    console.sendline('let name = readLine(prompt: "Who? ")')
    # Not the code, which the terminal echoes.
    console.expect(r"\r\nWho\? ")
    console.sendline("Ada")
    console.expect(r"In \[\d+\]: ")
    run("name!", "Ada")
    # An endless loop, Ctrl-C, and the kernel goes on.
    console.sendline('print("looping"); while true {}')
    console.expect("looping\r\n")
    console.sendintr()
    console.expect("Interrupted")
    console.expect(r"In \[\d+\]: ")
    run("answer", "42")
    console.sendeof()
    console.expect("really want to exit")
    console.sendline("y")
    console.expect(pexpect.EOF)
