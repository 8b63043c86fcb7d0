"""Swift concurrency in cells: the top level awaits, and a trap in a task costs the cell only."""

import time

import psutil
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


ENDLESS = {
    "loop": "while true {}",
    "printing": 'while true { print("x") }',
    "sorting": "var a = Array(0..<1_000); while true { a.sort(); a.shuffle() }",
    "waiting-for-a-lock": "let never = DispatchSemaphore(value: 0); never.wait()",
}


@pytest.mark.parametrize("loop", ENDLESS.values(), ids=ENDLESS.keys())
def test_endless_tasks_of_an_interrupted_cell_end_for_good(notebook, loop):
    """More of them than there are threads; some have not begun when the cell is interrupted."""
    notebook.run("import Dispatch")
    running = notebook.start(f'print("go")\nfor _ in 0..<8 {{ Task {{ {loop} }} }}\nwhile true {{}}')
    notebook.wait_for(running, lambda message: message["msg_type"] == "stream")
    notebook.interrupt()
    notebook.finish(running, timeout=5)
    began = time.monotonic()
    assert notebook.run('print("still")\nawait Task { [5].count }.value').stdout == "still\n"
    assert time.monotonic() - began < 2
    kernel = psutil.Process(notebook.manager.provisioner.pid)
    before = sum(kernel.cpu_times()[:2])
    time.sleep(0.5)  # what is measured is a time
    # A single loop would use 0.5 s.
    assert sum(kernel.cpu_times()[:2]) - before < 0.2


@pytest.mark.parametrize("count", [8, 100])
def test_later_tasks_run_although_a_cell_that_ended_keeps_every_thread(notebook, count):
    notebook.run(f"for _ in 0..<{count} {{ Task {{ while true {{}} }} }}")
    for number in range(3):
        began = time.monotonic()
        assert notebook.run(f"await Task {{ {number} }}.value", timeout=20).value == str(number)
        # 100 loops on two processors leave a cell, compiler and all, a fiftieth of its usual share: not promised to be quick.
        assert time.monotonic() - began < (2 if count == 8 else 20)


def test_whoever_keeps_the_main_actor_is_stopped_with_the_cell_that_waits_for_it(notebook):
    notebook.run("Task { @MainActor in while true {} }")
    running = notebook.start('print("go")\nlet answer = await MainActor.run { 1 }')
    with pytest.raises(Exception):
        notebook.finish(running, timeout=0.5)
    notebook.interrupt()
    assert notebook.finish(running, timeout=5).reply["ename"] == "Interrupted"
    assert notebook.run("await MainActor.run { 7 }").value == "7"


def test_what_a_detached_task_prints_from_an_older_function_is_its_own_cells(notebook):
    notebook.run("import Foundation\nlet done = DispatchSemaphore(value: 0)")
    notebook.run('func late() async { try? await Task.sleep(for: .milliseconds(300)); print("late"); done.signal() }')
    notebook.run("Task.detached { await late() }\nawait Task.yield()")
    assert notebook.run("done.wait()").stdout == ""


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


@pytest.mark.parametrize(
    "change, name",
    [('scores["a"]?[5] = 1', "scores"), ("grow(&pair.a)", "pair"), ("box.items[7] = 1", "Box.items"),
     ("box.grow()", "Box.items"), ("grow(&box.deep.items)", "Box.deep"), ("grow(&Shared.items)", "Shared.items"),
     ("lower.own[3] = 1", "Lower.own"), ("lower.items[3] = 1", "Box.items"),
     ("let g = Generic([1])\ng.items[3] = 1", "Generic.items")],
    ids=["variable", "tuple", "property", "method", "within-a-property", "static", "subclass", "superclass", "generic-class"])
def test_what_was_being_changed_is_named(notebook, change, name):
    notebook.run('''var scores = ["a": [1]], pair = (a: [1], b: 2)
        func grow(_ list: inout [Int]) { list[9] = 1 }
        struct Deep { var items = [1] }
        class Box { var name = "b"; var items = [1]; var deep = Deep(); func grow() { items[4] = 1 } }
        class Generic<T> { var items: [T]; init(_ items: [T]) { self.items = items } }
        enum Shared { static var items = [1] }
        class Lower: Box { var own = [1] }
        let box = Box(), lower = Lower()''')
    assert f"`{name}` was being changed" in notebook.run(change).error


def test_an_actor_that_stays_locked_is_told_once(notebook):
    actor = "actor Counter { var n = [1]; func bad() { n[3] = 1 }; func worse() { bad() } }\n"
    assert notebook.run(actor + "let counter = Counter()\nawait counter.worse()").error.count("stays locked") == 1
    assert notebook.run("await Counter().worse()").error.count("stays locked") == 1
    assert "stays locked" not in notebook.run("[1][2]").error


def test_exit_and_abort_cost_only_the_cell(notebook):
    notebook.run("import Foundation\nlet kept = 42")
    assert "exit(3)" in notebook.run("exit(3)").error
    assert "abort" in notebook.run("abort()").error
    assert "String" in notebook.run("let x: Any = 1\nx as! String").error
    assert notebook.run("kept").value == "42"
