"""A later cell defines anew what an earlier one defined: every kind of declaration, alone and beside what stays."""

import pytest

# By name: cells that are run one after the other, then expressions and what they show.
CASES = {
    "function-with-another-result": (
        ["func f(_ x: Int) -> Int { x }", 'func f(_ x: Int) -> String { "s" }'], {"f(1)": '"s"'}),
    "overloads-by-label": (
        ["func f(a x: Int) -> Int { 1 }", "func f(b x: Int) -> Int { 2 }"], {"(f(a: 1), f(b: 1))": "(1, 2)"}),
    "one-of-two-overloads": (
        ["func f(_ x: Int) -> Int { 1 }\nfunc f(_ x: String) -> Int { 2 }", "func f(_ x: Int) -> String { \"3\" }"],
        {"f(1)": '"3"', 'f("")': "2"}),
    "overloads-by-result-in-one-cell": (
        ['func f() -> Int { 1 }\nfunc f() -> String { "s" }'], {"f() as Int": "1", "f() as String": '"s"'}),
    "what-a-variable-was-inferred-from": (
        ["func f() -> Int { 1 }\nlet x = f()\nfunc g() -> Int { 5 }", 'func f() -> String { "s" }'],
        {"f()": '"s"', "x + g()": "6"}),
    "operator": (
        ["infix operator +++: AdditionPrecedence\nfunc +++ (a: Int, b: Int) -> Int { a + b }",
         "func +++ (a: Int, b: Int) -> Int { a * b }"], {"3 +++ 2": "6"}),
    "operator-with-another-precedence": (
        ["infix operator +++: AdditionPrecedence\nfunc +++ (a: Int, b: Int) -> Int { a + b }\n"
         "func +++ (a: String, b: String) -> String { a + b }",
         "infix operator +++: MultiplicationPrecedence\nfunc +++ (a: Int, b: Int) -> Int { a * b }"],
        {"3 +++ 2 + 1": "7", '"a" +++ "b"': '"ab"'}),
    "operators-of-a-type": (
        ["struct V { var x = 1; static func + (a: V, b: V) -> V { V(x: a.x + b.x) } }\nlet v = V()",
         "struct V { var x = 1; static func + (a: V, b: V) -> V { V(x: a.x - b.x) } }", "let w = V()"],
        {"(v + v).x": "2", "(w + w).x": "0", "(V() + w).x": "0"}),
    "member-of-an-extension": (
        ["extension Int { func one() -> Int { 1 }; func two() -> Int { 2 } }",
         'extension Int { func two() -> String { "20" } }'], {"5.one()": "1", "5.two()": '"20"'}),
    "initialiser-subscript-and-static-of-an-extension": (
        ["extension Int { init(odd: Int) { self = 1 }; subscript(k: String) -> Int { 1 }; static var best: Int { 1 } }",
         "extension Int { init(odd: Int) { self = 2 }; subscript(k: String) -> Int { 2 }; static var best: Int { 2 } }"],
        {'(Int(odd: 0), 1["x"], Int.best)': "(2, 2, 2)"}),
    "extensions-with-other-conditions-stand-together": (
        ["extension Array where Element == Int { var kind: String { \"int\" } }",
         "extension Array where Element == String { var kind: String { \"string\" } }"],
        {"[1].kind": '"int"', '["a"].kind': '"string"'}),
    "protocol-and-its-default": (
        ["protocol Q {}\nextension Q { func d() -> Int { 1 } }\nstruct S: Q {}", "extension Q { func d() -> Int { 2 } }"],
        {"S().d()": "2"}),
    "typealias": (["typealias T = Int", "typealias T = String"], {'T("a")': '"a"'}),
    "typealias-as-a-type": (["typealias T = Int", "struct T { var a = 3 }"], {"T().a": "3"}),
    "enum": (["enum E { case a }", "enum E { case b }"], {"E.b": "b"}),
    "actor": (["actor A { func v() -> Int { 1 } }", "actor A { func v() -> Int { 2 } }"], {"await A().v()": "2"}),
    "protocol": (
        ["protocol Q { func q() -> Int }", "protocol Q { func r() -> Int }", "struct S: Q { func r() -> Int { 4 } }"],
        {"S().r()": "4"}),
    "base-class": (
        ["class B { func n() -> Int { 1 } }\nclass D: B {}", "class B { func n() -> Int { 2 } }", "class E: B {}"],
        {"D().n()": "1", "E().n()": "2"}),
    "function-as-a-variable-and-back": (["func f() -> Int { 1 }", "let f = 3", "func f() -> Int { 4 }"], {"f()": "4"}),
    "swapped-tuple": (["let (a, b) = (1, 2)", "let (a, b) = (b, a)"], {"(a, b)": "(2, 1)"}),
    "closure-made-from-its-older-one": (
        ["let g = { (x: Int) in x + 1 }", "let g = { (x: Int) in g(x) * 2 }"], {"g(3)": "8"}),
    "private": (
        ["private let secret = 5\nprivate func tell() -> Int { secret }", "private let secret = 6"],
        {"secret": "6", "tell()": "5"}),
    "if-else-of-the-compiler": (
        ["#if os(Linux)\nlet system = 1\n#else\nlet system = 2\n#endif"], {"system": "1"}),
}


@pytest.fixture(scope="module")
def kernel(notebooks):
    return notebooks()


@pytest.mark.parametrize("cells, values", CASES.values(), ids=CASES.keys())
def test_the_newer_one_is_meant_and_the_rest_stays(kernel, cells, values):
    kernel.run("%reset")
    for cell in cells:
        assert kernel.run(cell).error == "", cell
    for use, value in values.items():
        outcome = kernel.run(use)
        assert (outcome.error, outcome.value) == ("", value), use


def test_a_type_conforms_in_a_later_cell_and_anew_in_another(kernel):
    kernel.run("%reset")
    kernel.run("struct P { var x = 1 }")
    both = 'extension P: CustomStringConvertible { var description: String { "old" } }\n'
    assert kernel.run(both + "extension P: Equatable { static func == (a: P, b: P) -> Bool { true } }").error == ""
    assert kernel.run("P()").value == "old"
    # `print` looks the conformance up at run time, and the runtime remembers what it found.
    assert kernel.run("print(P(), [P()])").stdout == "old [old]\n"
    assert kernel.run('extension P: CustomStringConvertible { var description: String { "new" } }').error == ""
    assert kernel.run("print(P(), [P()])").stdout == "new [new]\n"
    assert kernel.run("func shown<T: CustomStringConvertible>(_ t: T) -> String { t.description }\nshown(P())").value == '"new"'
    assert kernel.run("P() == P(x: 3)").value == "true"


def test_a_protocol_of_the_users_is_conformed_to_anew(kernel):
    kernel.run("%reset")
    kernel.run("protocol Q { func q() -> Int }\nextension Int: Q { func q() -> Int { 1 } }")
    kernel.run("func asked(_ q: some Q) -> Int { q.q() }")
    assert kernel.run("asked(3)").value == "1"
    kernel.run("extension Int: Q { func q() -> Int { 2 } }")
    assert kernel.run("asked(3)").value == "2"
    assert kernel.run("(3 as Any as! any Q).q()").value == "2"


GENERIC = {
    "generic-type": (["struct B<T> { var x: T }"], "extension B: CustomStringConvertible {{ var description: String {{ \"{}\" }} }}",
                     "B(x: 1)"),
    "conditional": (["struct B<T> { var x: T }"],
                    "extension B: CustomStringConvertible where T == Int {{ var description: String {{ \"{}\" }} }}", "B(x: 1)"),
    "condition-on-a-protocol": (
        ["struct B<T> { var x: T }"],
        "extension B: CustomStringConvertible where T: Equatable {{ var description: String {{ \"{} \\(x == x)\" }} }}", "B(x: 1)"),
    "of-the-library": (["protocol Shown { func shown() -> String }"],
                       "extension Array: Shown where Element == Int {{ func shown() -> String {{ \"{}\" }} }}", "[1]"),
    "generic-class": (["class B<T> { var x: T; init(x: T) { self.x = x } }"],
                      "extension B: CustomStringConvertible {{ var description: String {{ \"{}\" }} }}", "B(x: 1)"),
}


@pytest.mark.parametrize("types, conformance, value", GENERIC.values(), ids=GENERIC.keys())
def test_a_conformance_of_a_generic_type_is_made_anew(kernel, types, conformance, value):
    kernel.run("%reset")
    for cell in types:
        assert kernel.run(cell).error == ""
    use = "print((value as! any Shown).shown())" if "Shown" in types[0] else "print(value, [value])"
    for text in ["old", "new", "newest"]:
        assert kernel.run(conformance.format(text)).error == ""
        # Looked up at run time, where the runtime keeps what it has found.
        shown = kernel.run(f"let value: Any = {value}\n{use}").stdout
        assert text in shown and "new" not in shown.replace(text, ""), shown


def test_asynchronous_requirements_of_a_generic_type_are_met_anew(kernel):
    kernel.run("%reset")
    kernel.run("protocol Slow { func slow() async -> Int }\nstruct B<T> { var x: T }")
    for answer in (1, 2):
        big = "".join(f"let a{i} = await wait({i}); " for i in range(answer * 5))
        kernel.run("func wait(_ n: Int) async -> Int { await Task.yield(); return n }")
        assert kernel.run(f"extension B: Slow {{ func slow() async -> Int {{ {big}return {answer} + a0 }} }}").error == ""
        assert kernel.run("await (B(x: 1) as Any as! any Slow).slow()").value == str(answer)


def test_what_only_the_older_one_could_mean_is_unavailable(kernel):
    kernel.run("%reset")
    kernel.run("func f() -> Int { 1 }\nfunc g() -> Int { 1 }")
    kernel.run('func f() -> String { "s" }')
    assert "f" in kernel.run("let n: Int = f() + g()").error


@pytest.mark.parametrize("cell", ["p.y", "f(p)", "q = p"])
def test_an_older_type_under_a_newer_name_is_explained(kernel, cell):
    kernel.run("%reset")
    first = kernel.run("struct P { var x = 1 }\nlet p = P()").reply["execution_count"]
    second = kernel.run("struct P { var y = 1 }\nfunc f(_ p: P) {}\nvar q = P()").reply["execution_count"]
    assert f"two types called P: of In[{first}] and, newer, of In[{second}]" in kernel.run(cell).error
