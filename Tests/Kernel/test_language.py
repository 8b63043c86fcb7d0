"""What Swift has at the top level and in declarations works in cells, and is there in later ones."""

import pytest

# By name: cells, each with the value that it shows; None where it shows none.
CASES = {
    "guard-let": [("let maybe: Int? = 5", None), ("guard let q = maybe, q > 3 else { fatalError() }\nq + 1", "6"), ("q", "5")],
    "guard-var-of-the-same-name": [
        ("let maybe: Int? = 5", None), ("guard var maybe else { fatalError() }\nmaybe += 1", None), ("maybe", "6")],
    "guard-case": [
        ("enum O { case v(Int), n }", None),
        ("guard case .v(let inner) = O.v(3), inner > 2 else { fatalError() }\ninner", "3"), ("inner", "3")],
    "tuple-patterns": [("var (r, (s, _)) = (1, (2, 3))\nr += s", None), ("r + s", "5")],
    "defer": [('defer { print("bye") }\nlet x = 3', None), ("x", "3")],
    "for-await": [
        ("var sum = 0\nfor await i in (AsyncStream<Int> { c in (1...3).forEach { c.yield($0) }; c.finish() }) { sum += i }", None),
        ("sum", "6")],
    "global-actor": [
        ("@globalActor actor G { static let shared = G() }\n@G func onG() -> Int { 3 }", None), ("await onG()", "3")],
    "main-actor-without-await": [
        ("@MainActor final class Model { var n = 0; func up() { n += 1 } }", None),
        ("let model = Model()\nmodel.up()\nmodel.n", "1"), ("model.up()\nmodel.n", "2"),
        ("@MainActor var count = 1", None), ("count += 1\ncount", "2")],
    "result-builder": [
        ("@resultBuilder struct Joined { static func buildBlock(_ parts: String...) -> String { parts.joined() } }", None),
        ('@Joined func word() -> String { "a"; "b" }\nword()', '"ab"')],
    "property-wrapper": [
        ("@propertyWrapper struct Capped { var wrappedValue: Int { didSet { wrappedValue = min(wrappedValue, 10) } } }", None),
        ("struct H { @Capped var v = 3 }\nfunc local() -> Int { @Capped var a = 4; a = 70; return a }", None),
        ("var h = H()\nh.v = 40\nh.v + local()", "20")],
    "parameter-pack": [
        ("func count<each T>(_ v: repeat each T) -> Int { var n = 0; for x in repeat each v { _ = x; n += 1 }; return n }", None),
        ('count(1, "a", 2.0)', "3")],
    "noncopyable": [
        ("struct File: ~Copyable { let number: Int; deinit { print(number) } }\nlet file = File(number: 3)", None),
        ("file.number", "3"), ("file", "(a noncopyable value)")],
    "regular-expression": [
        ("let pair = /(\\d+)-(?<word>\\w+)/", None), ('"12-ab".firstMatch(of: pair)!.word', "ab")],
    "macros-of-the-toolchain": [
        ("import Observation\n@Observable final class Counter { var n = 1 }\nlet counter = Counter()", None),
        ("counter.n += 1\ncounter.n", "2"),
        ("import Foundation\ntry #Predicate<Int> { $0 > 3 }.evaluate(4)", "true")],
    "opaque-type": [("let some = [1, 2].lazy.map { $0 + 1 }", None), ("Array(some)", "[2, 3]")],
    "names-of-every-script": [("let π = 3, `class` = 4, 名前 = 5", None), ("π + `class` + 名前", "12")],
}


@pytest.fixture(scope="module")
def kernel(notebooks):
    return notebooks()


@pytest.mark.parametrize("cells", CASES.values(), ids=CASES.keys())
def test_it_works_from_cell_to_cell(kernel, cells):
    kernel.run("%reset")
    for cell, value in cells:
        outcome = kernel.run(cell)
        assert (outcome.error, outcome.value) == ("", value), cell


def test_a_property_wrapper_at_the_top_level_is_refused_with_the_reason(kernel):
    kernel.run("%reset")
    kernel.run("@propertyWrapper struct Capped { var wrappedValue: Int }")
    assert "property wrappers are not yet supported in top-level code" in kernel.run("@Capped var a = 3").error


@pytest.mark.parametrize(
    "cell, warning",
    [("func one() -> Int { 1 }\none()\nprint(2)", "result of call to 'one()' is unused"),
     ("func one() -> Int { return 1; print(2) }", "will never be executed")], ids=["unused-result", "unreachable"])
def test_a_warning_that_helps_is_shown(kernel, cell, warning):
    outcome = kernel.run(cell)
    assert outcome.error == ""
    said = "".join(part["text"] for part in outcome.contents("stream") if part["name"] == "stderr")
    assert warning in said and "\x1b[33m" in said


def test_what_is_usual_in_a_notebook_is_no_warning(kernel):
    cell = (
        "var changedLater = 1\nlet usedLater = await Task { 2 }.value\nfunc f() { let unused = 3; var same = 4 }\n"
        "struct T {}\nTask { usedLater }")
    assert kernel.run(cell).shape == ["execute_result"]
    assert kernel.run("extension T: Equatable { static func == (a: T, b: T) -> Bool { true } }").shape == []
