"""Swift concurrency in cells: the top level awaits, and a trap in a task costs the cell only."""

import pytest

SLOW = "func slow(_ n: Int) async -> Int { try? await Task.sleep(nanoseconds: 5_000_000); return n * 2 }"


def test_the_top_level_awaits_and_a_later_cell_sees_the_result(notebook):
    notebook.run(SLOW)
    assert notebook.run("let answer = await slow(21)\nanswer").value == "42"
    assert notebook.run("answer + 1").value == "43"
    assert notebook.run("async let a = slow(1)\nasync let b = slow(2)\nlet sum = await a + b\nsum").value == "6"
    assert notebook.run("var total = 0\nfor await i in AsyncStream<Int> { c in (1...3).forEach { c.yield($0) }; c.finish() } { total += i }\ntotal").value == "6"
    assert notebook.run("await withTaskGroup(of: Int.self) { g in for i in 0..<100 { g.addTask { i } }; return await g.reduce(0, +) }").value == "4950"


def test_actors_and_the_main_actor_answer(notebook):
    notebook.run("actor Counter { var n = 0; func up() -> Int { n += 1; return n } }\nlet counter = Counter()")
    assert notebook.run("await counter.up()").value == "1"
    assert notebook.run("await counter.up()").value == "2"
    assert notebook.run("@MainActor func onMain() -> Int { 7 }\nawait onMain()").value == "7"


def test_an_error_after_an_await_fails_the_cell(notebook):
    outcome = notebook.run("struct Spilled: Error {}\nfunc f() async throws -> Int { throw Spilled() }\nlet got = try await f()")
    assert outcome.reply["ename"] == "Spilled"
    assert notebook.run("await Task { 5 }.value").value == "5"


@pytest.mark.parametrize(
    "cell",
    ['Task { fatalError("dropped") }\ntry await Task.sleep(for: .seconds(20))', 'await MainActor.run { fatalError("dropped") }',
     'import Foundation\nDispatchQueue.global().async { fatalError("dropped") }\nsleep(20)',
     'import Foundation\nlet thread = Thread { fatalError("dropped") }\nthread.start()\nsleep(20)'],
    ids=["task", "main-actor", "dispatch", "thread"])
def test_traps_on_other_threads_cost_their_cell_and_every_later_task_runs(notebook, cell):
    notebook.run("let kept = 42")
    # More often than there are cores: each takes a thread of the pool along.
    for _ in range(5):
        assert "dropped" in notebook.run(cell).error
    assert notebook.run("await Task { kept }.value").value == "42"
    assert notebook.run("await MainActor.run { kept }").value == "42"


@pytest.mark.parametrize(
    "cell",
    ["try await Task.sleep(for: .seconds(100))", "try await Task.sleep(nanoseconds: .max)", "await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in }"],
    ids=["sleep", "sleep-for-ever", "nobody-resumes"])
def test_an_interrupt_ends_waiting(notebook, cell):
    running = notebook.start('print("started")\n' + cell)
    notebook.wait_for(running, lambda message: message["msg_type"] == "stream")
    notebook.interrupt()
    assert "interrupted" in notebook.finish(running, timeout=5).error.lower()
    assert notebook.run("await Task { 5 }.value").value == "5"


def test_a_long_sleep_leaves_the_others_on_time(notebook):
    notebook.run("Task { try await Task.sleep(nanoseconds: .max) }")
    assert notebook.run("try await Task.sleep(for: .milliseconds(5))\n5").value == "5"


def test_a_warning_of_the_runtime_is_shown(notebook):
    outcome = notebook.run(
        "Task { await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in } }\n"
        "try await Task.sleep(for: .milliseconds(200))")
    assert "leaked its continuation" in "".join(part["text"] for part in outcome.contents("stream"))


def test_a_trap_inside_description_leaves_print_working(notebook):
    notebook.run('struct Bad: CustomStringConvertible { var description: String { fatalError("no words") } }')
    assert "no words" in notebook.run("print(Bad())").error
    assert notebook.run('print("still")').stdout == "still\n"


def test_what_was_being_changed_is_named(notebook):
    notebook.run('var scores = ["a": [1]]')
    outcome = notebook.run('scores["a"]?[5] = 1')
    assert "`scores` was being changed" in outcome.error


def test_exit_and_abort_cost_only_the_cell(notebook):
    notebook.run("import Foundation\nlet kept = 42")
    assert "exit(3)" in notebook.run("exit(3)").error
    assert "abort" in notebook.run("abort()").error
    assert "String" in notebook.run("let x: Any = 1\nx as! String").error
    assert notebook.run("kept").value == "42"
