"""Shift-Tab: signature, documentation and origin, as Markdown and as plain text."""

import os

import pytest


@pytest.fixture(scope="module")
def lab(notebooks):
    """A notebook in which some cells have run."""
    notebook = notebooks()
    for cell in [
        "import Foundation\nimport Lab",
        "/// A place in the plane.\n///\n/// Two **numbers**.\nstruct Point {\n    var x = 0.0, y = 0.0\n"
        "    /// How far it is from the origin.\n    func size() -> Double { (x * x + y * y).squareRoot() }\n}",
        "/// Mirrors at the origin.\n/// - Parameter factor: how far\n"
        "private func mirrored(_ point: Point, by factor: Double = 1) -> Point { point }\nvar counter = 3",
        "let tensor = Tensor.zeros([2, 3])",
    ]:
        assert notebook.run(cell).error == ""
    return notebook


@pytest.mark.parametrize(
    "code, parts",
    [
        ("Poi|nt()", ["struct Point", "A place in the plane.", "Two **numbers**.", "Defined in In[2], line 4."]),
        ("Point().size|()", ["func size() -> Double", "How far it is", "Defined in In[2], line 7."]),
        ("Point().size|", ["func size() -> Double", "How far it is"]),
        ("let 😀 = mirr|ored(Point())", ["func mirrored(_ point: Point, by factor: Double = 1) -> Point",
                                         "- Parameter factor: how far", "Defined in In[3], line 3."]),
        ("counter|", ["var counter: Int", "Defined in In[3], line 4."]),
        ("mirrored(|", ["func mirrored(_ point: Point, by factor: Double = 1) -> Point"]),
        ("mirrored(Point(), |)", ["func mirrored(_ point: Point, by factor: Double = 1) -> Point"]),
        ("tensor.sha|pe", ["var shape: Shape", "sizes of the axes", "From the module Tensors."]),
        ("Tensor.zeros(|", ["static func zeros(_ shape: Shape, dtype: DType = .float32) -> Tensor"]),
        ("let run = try train(|", ["func train<Model>(_ model: Model, on data: DatasetSplit", "- Throws:"]),
        ("Tensor(|", ["struct Tensor", "An array of numbers", "init(bytes: [UInt8]"]),
        ("Date|()", ["struct Date", "From the module FoundationEssentials."]),
        ("[1, 2].map|", ["func map<T, E>", "- Returns: An array containing the transformed elements"]),
        ("prin|t(1)", ["func print(_ items: Any...", 'terminator: String = "\\n"', "From the module Swift."]),
        ("1 |+ 2", ["static func + (lhs: Int, rhs: Int) -> Int"]),
        ("func twice(of number: Int) -> Int { 2 * number }\ntwi|ce(of: 1)",
         ["func twice(of number: Int) -> Int", "Defined in this cell, line 1."]),
    ],
)
def test_what_is_shown(lab, code, parts):
    reply = lab.inspect(code)
    assert (reply["status"], reply["found"]) == ("ok", True)
    for part in parts:
        assert part in reply["data"]["text/plain"]
        assert part in reply["data"]["text/markdown"]
    assert reply["data"]["text/markdown"].startswith("```swift\n")


@pytest.mark.parametrize("code", ["xqzqw|", "let| a = 1", "12|", "// Point|", "|"])
def test_what_has_no_documentation_is_not_found(lab, code):
    reply = lab.inspect(code)
    assert (reply["status"], reply["found"], reply["data"]) == ("ok", False, {})


def test_a_command_to_the_kernel_is_explained(lab):
    assert lab.inspect("%ti|me 1 + 1")["data"]["text/plain"].startswith("%time CODE")


def test_more_detail_is_the_source(lab):
    assert "squareRoot" not in lab.inspect("Point().size|()")["data"]["text/plain"]
    shown = lab.inspect("Point().size|()", detail=1)["data"]["text/plain"]
    assert "func size() -> Double { (x * x + y * y).squareRoot() }" in shown
    # As it was typed: without what the kernel writes behind a variable.
    assert "Source:\nvar counter = 3\n" in lab.inspect("counter|", detail=1)["data"]["text/plain"]


def test_a_source_that_has_changed_since_the_build_is_not_read(lab, project):
    """What stands now where a comment was when it was compiled means nothing."""
    assert "Source:\npublic static func zeros" in lab.inspect("Tensor.zeros|", detail=1)["data"]["text/plain"]
    source = project / "Sources" / "Lab" / "Tensors" / "Tensor.swift"
    status = source.stat()
    os.utime(source)
    try:
        shown = lab.inspect("Tensor.zeros|", detail=1)["data"]["text/plain"]
    finally:
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "All elements 0." in shown and "Source:" not in shown


def test_a_redefined_name_is_the_new_one(notebook):
    notebook.run("/// The old one.\nfunc answer() -> Int { 1 }")
    notebook.run("/// The new one.\nfunc answer() -> Int { 42 }")
    shown = notebook.inspect("answer|()", detail=1)["data"]["text/plain"]
    assert "The new one." in shown
    assert "{ 42 }" in shown
    assert "Defined in In[2], line 2." in shown
