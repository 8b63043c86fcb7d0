"""The compiler and the linker are started before there is a cell for them. Whatever happens to them, no cell notices."""

import os
import signal
import time

import psutil
import pytest


def until(condition, seconds: float = 10):
    """What `condition` returns, once that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.01)
    return found


def tools(notebook, name: str, depth: int) -> list[psutil.Process]:
    """The tools of that name that are there, started by the kernel (depth 1), or by these (2)."""
    found = [psutil.Process(notebook.manager.provisioner.pid)]
    for _ in range(depth):
        found = [child for parent in found for child in children(parent)]
    return [process for process in found if state(process)[0] == name]


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def state(process: psutil.Process) -> tuple[str, str]:
    """Its name and what it does; empty where it has ended, which it may while it is looked at."""
    try:
        status = process.status()
        return ("", "") if status == psutil.STATUS_ZOMBIE else (process.name(), status)
    except psutil.NoSuchProcess:
        return "", ""


def waiting(notebook) -> psutil.Process | None:
    """The compiler that waits for the next cell, once it has nothing more to do but wait."""
    return next((tool for tool in tools(notebook, "swift-frontend", 2) if state(tool)[1] == psutil.STATUS_SLEEPING), None)


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or state(process) == ("", "")


def test_a_cell_goes_to_the_compiler_that_waits_for_it(notebook):
    before = until(lambda: waiting(notebook))
    assert notebook.run("1 + 1").value == "2"
    until(lambda: is_gone(before))
    after = until(lambda: waiting(notebook))
    assert after.pid != before.pid
    assert notebook.run("2 + 2").value == "4"
    # One that has said its status takes a moment to give its memory back.
    until(lambda: len(tools(notebook, "swift-frontend", 2)) <= 1)


@pytest.mark.parametrize("victim", ["waiting compiler", "compilers' server", "linkers' server"])
def test_one_that_is_killed_is_not_missed(notebook, victim):
    notebook.run("let survivor = 1")
    until(lambda: waiting(notebook))
    match victim:
        case "waiting compiler": killed = waiting(notebook)
        case "compilers' server": [killed] = tools(notebook, "swift-frontend", 1)
        case "linkers' server": [killed] = tools(notebook, "ld.lld", 1)
    os.kill(killed.pid, signal.SIGKILL)
    # Before, it still takes messages that nobody will read, and the next cell does not find a compiler that waits.
    until(lambda: is_gone(killed))
    assert notebook.run("survivor + 1").value == "2"
    # And it is replaced.
    after = until(lambda: waiting(notebook))
    assert notebook.run("survivor + 2").value == "3"
    until(lambda: is_gone(after))
    assert [len(tools(notebook, name, 1)) for name in ["swift-frontend", "ld.lld"]] == [1, 1]


def test_a_cell_may_be_longer_than_the_room_that_is_kept_for_it(notebook):
    # 64 KB are kept.
    for size in [65_000, 70_000, 200_000]:
        code = f'let long = "{"x" * size}"\n' + "long.count"
        assert notebook.run(code).value == str(size)
        error = notebook.run(code + "\nnonsense").error
        assert "line 3" in error and "nonsense" in error


def test_errors_at_the_end_of_a_cell_are_at_its_last_line(notebook):
    """Behind the text, the compiler sees thousands of empty lines."""
    for code, message in [
        ("let a = 1\nstruct S {\n    var x = 1", "expected '}' in struct"),
        ("let b = 1\n\nlet c =", "expected initial value after '='"),
        ("let d = 1\n/* and so", "unterminated '/*' comment"),
        ('let e = 1\nlet f = """\n  text', "unterminated string literal"),
    ]:
        outcome = notebook.run(code)
        assert message in outcome.error
        lines = [int(word.rstrip(":")) for line in outcome.error.splitlines() if line.startswith("In[")
                 for word in [line.split("line ")[1].split()[0]]]
        assert lines and max(lines) <= code.count("\n") + 1
    assert "line 3: error: expected '}' in struct" in notebook.run("let a = 1\nstruct S {\n    var x = 1\n\n").error


def test_what_no_cell_imports_is_not_there(notebook):
    """Modules are loaded ahead, and members that extensions add would be seen without an import."""
    split = '"a b".components(separatedBy: " ").count'
    assert "no member" in notebook.run(split).error
    assert notebook.run("import Foundation\n" + split).value == "2"
    assert notebook.run(split).value == "2"
    notebook.run("%reset")
    assert "no member" in notebook.run(split).error


def test_optimized_cells_stand_between_others(notebook):
    for code, value in [("let n = 20", None), ("%optimize\nn + 1", "21"), ("n + 2", "22"), ("%optimize on", None),
                        ("n + 3", "23"), ("n + 4", "24"), ("%optimize off", None), ("n + 5", "25")]:
        outcome = notebook.run(code)
        assert outcome.error == "" and (value is None or outcome.value == value)


def test_an_interrupted_compilation_leaves_no_compiler_behind(notebook):
    notebook.run("let a = 1.0")
    # A chain that takes the type checker seconds.
    chain = " + ".join(f"[{i}].map {{ $0 + {i} }}.reduce(0, +)" for i in range(60))
    cell = notebook.start(f"let slow = {chain}\nslow")
    notebook.wait_for(cell, lambda message: message["msg_type"] == "execute_input")
    notebook.interrupt()
    assert "interrupted" in notebook.finish(cell, timeout=5).error.lower()
    assert notebook.run("a + 1").value == "2.0"
    until(lambda: len(tools(notebook, "swift-frontend", 2)) == 1 and not tools(notebook, "ld.lld", 2))


def test_nothing_is_left_of_a_kernel_that_is_killed(notebook):
    notebook.run("1")
    until(lambda: waiting(notebook))
    kernel = psutil.Process(notebook.manager.provisioner.pid)
    started = [process for process in kernel.children(recursive=True) if process.name() in ("swift-frontend", "ld.lld")]
    assert len(started) >= 3
    kernel.kill()
    until(lambda: all(is_gone(process) for process in started))


def test_what_waits_holds_nothing_of_the_kernel_open(notebook):
    notebook.run("import Glibc\nlet file = open(\"/etc/passwd\", O_RDONLY)")
    notebook.run("1")
    compiler = until(lambda: waiting(notebook))

    def descriptors(process: int) -> set[str]:
        folder = f"/proc/{process}/fd"
        return {os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}

    kernels = descriptors(notebook.manager.provisioner.pid)
    assert "/etc/passwd" in kernels
    for process in [compiler, *tools(notebook, "swift-frontend", 1), *tools(notebook, "ld.lld", 1)]:
        shared = {name for name in descriptors(process.pid) & kernels if not name.startswith("pipe:")}
        assert shared <= {"/dev/null"}
