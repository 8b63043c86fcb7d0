"""A failing cell costs the cell and nothing else."""

import re
import time

import pytest


def lines_named(error: str, count: int) -> set[int]:
    """The lines of cell `In[count]` that an error names."""
    return {int(line) for line in re.findall(rf"In\[{count}\](?::|, line )(\d+)", error)}


@pytest.mark.parametrize(
    "cell, message, line",
    [
        ("let a = [1, 2, 3]; a[5]", "Index out of range", 1),
        ("let nothing: Int? = Int(\"x\")\nnothing!", "nil", 2),
        ("\n\nfatalError(\"the cat is out\")", "the cat is out", 3),
        ("var small: Int8 = 127\nsmall += Int8(small / 127)", "overflow", 2),
    ],
    ids=["index-out-of-range", "forced-nil", "fatalError", "integer-overflow"],
)
def test_a_trap_costs_only_its_cell_and_names_the_line(notebook, cell, message, line):
    notebook.run("var kept = 41")
    outcome = notebook.run(cell)
    assert outcome.reply["status"] == "error"
    assert message in outcome.error
    assert line in lines_named(outcome.error, 2), outcome.error
    assert notebook.run("kept += 1; kept").value == "42"


def test_a_misspelt_name_is_answered_with_the_one_that_was_meant(notebook):
    notebook.run("struct Settings { var learningRate = 0.1 }\nvar settings = Settings()")
    assert "did you mean 'learningRate'?" in notebook.run("settings.learnigRate = 1").error


def test_a_stack_overflow_costs_only_its_cell(notebook):
    notebook.run("var kept = 41\nfunc deeper(_ n: Int) -> Int { deeper(n + 1) + deeper(n + 2) }")
    outcome = notebook.run("deeper(0)")
    assert outcome.reply["status"] == "error"
    assert "stack" in outcome.error.lower()
    assert notebook.run("kept + 1").value == "42"


def test_many_traps_leave_the_kernel_working(notebook):
    notebook.run("let numbers = [1, 2, 3]")
    for _ in range(20):
        assert "Index out of range" in notebook.run("numbers[numbers.count]").error
    assert notebook.run("numbers.count").value == "3"


def test_an_uncaught_error_shows_its_description_and_keeps_what_was_defined(notebook):
    notebook.run("struct Spilled: Error, CustomStringConvertible { let description = \"the flask is empty\" }")
    outcome = notebook.run("let before = 3\nthrow Spilled()")
    assert outcome.reply["status"] == "error"
    assert "the flask is empty" in outcome.error
    assert notebook.run("before").value == "3"


def test_an_endless_loop_ends_when_interrupted(notebook):
    notebook.run("var rounds = 0")
    cell = notebook.start('print("started")\nwhile true { rounds += 1 }')
    notebook.wait_for(cell, lambda message: message["msg_type"] == "stream")
    asked = time.monotonic()
    notebook.interrupt()
    outcome = notebook.finish(cell)
    # The figure that the project promises.
    assert time.monotonic() - asked < 1
    assert outcome.reply["status"] == "error"
    assert "interrupted" in outcome.error.lower()
    assert notebook.run("rounds > 0").value == "true"


def test_a_compile_error_is_shown_at_the_users_own_line(notebook):
    notebook.run("let one = 1")
    outcome = notebook.run('let two = one + 1\n\nlet three: Int = "three"\n')
    assert outcome.reply["status"] == "error"
    assert "String" in outcome.error and "Int" in outcome.error
    assert lines_named(outcome.error, 2) == {3}, outcome.error


def test_a_cell_that_does_not_compile_defines_nothing(notebook):
    notebook.run("let size = 1")
    assert notebook.run("let size = 2\nlet extra = 3\nnonsense()").reply["status"] == "error"
    assert notebook.run("size").value == "1"
    assert notebook.run("extra").reply["status"] == "error"


def test_a_syntax_error_does_not_stop_the_notebook(notebook):
    assert notebook.run("let = = 3 )").reply["status"] == "error"
    assert notebook.run("1 + 1").value == "2"
