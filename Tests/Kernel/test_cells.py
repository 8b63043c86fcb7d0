"""Cells are real Swift: what one cell defines, the next one uses."""

import pytest


def test_the_last_value_shows_itself(notebook):
    assert notebook.run("1 + 1").value == "2"
    assert notebook.run('"seven".count').value == "5"


def test_an_assignment_shows_nothing(notebook):
    outcome = notebook.run("let a = 1")
    assert outcome.reply["status"] == "ok"
    assert outcome.shape == []


def test_a_later_cell_reads_and_changes_a_variable(notebook):
    notebook.run("var count = 1")
    notebook.run("count += 1")
    assert notebook.run("count").value == "2"


def test_types_and_functions_of_earlier_cells_work_together(notebook):
    notebook.run("struct Point { var x = 0.0, y = 0.0 }")
    notebook.run("func mirrored(_ point: Point) -> Point { Point(x: point.y, y: point.x) }")
    notebook.run("extension Point { var sum: Double { x + y } }")
    assert notebook.run("mirrored(Point(x: 1, y: 2)).x").value == "2.0"
    assert notebook.run("Point(x: 1, y: 2).sum").value == "3.0"


@pytest.mark.parametrize(
    "first, second, use, value",
    [
        ("let a = 1", 'let a = "one"', "a.count", "3"),
        ("func f(_ x: Int) -> Int { x + 1 }", "func f(_ x: Int) -> Int { x + 100 }", "f(1)", "101"),
        ("struct S { var a = 1 }", "struct S { var b = 2 }", "S().b", "2"),
        ("final class C { func name() -> String { \"old\" } }", "final class C { func name() -> String { \"new\" } }",
         "C().name() == \"new\"", "true"),
        ("let v = 1", "let v = v + 1", "v", "2"),
    ],
    ids=["variable", "function", "struct", "class", "variable-from-itself"],
)
def test_a_redefinition_takes_the_place_of_the_older_one(notebook, first, second, use, value):
    assert notebook.run(first).error == ""
    assert notebook.run(second).error == ""
    outcome = notebook.run(use)
    assert outcome.error == ""
    assert outcome.value == value


def test_running_a_cell_twice_is_no_error(notebook):
    cell = "struct Seven { let value = 7 }\nlet seven = Seven()\nseven.value"
    assert notebook.run(cell).value == "7"
    assert notebook.run(cell).value == "7"


def test_an_import_holds_for_later_cells(notebook):
    notebook.run("import Foundation")
    assert notebook.run("Date(timeIntervalSince1970: 0) < Date()").value == "true"


def test_the_library_is_there_after_one_import(notebook):
    notebook.run("import Lab")
    outcome = notebook.run('display(MimeBundle(text: "plain"))')
    assert outcome.error == ""
    assert [content["data"]["text/plain"] for content in outcome.contents("display_data")] == ["plain"]


def test_cells_are_counted(notebook):
    assert notebook.run("1").reply["execution_count"] == 1
    assert notebook.run("2").reply["execution_count"] == 2


