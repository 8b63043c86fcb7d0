"""What a cell has left running prints and shows under that cell, also when a later one runs."""

import pytest

# Each shows something once the semaphore of a later cell lets it: `go` is signalled while that one runs.
BEGIN = "import Lab\nimport Foundation\nlet go = DispatchSemaphore(value: 0), done = DispatchSemaphore(value: 0)"
LATE = 'go.wait(); print("late"); display("shown late"); done.signal()'
ASYNC_LATE = 'while !isAllowed.value { try? await Task.sleep(for: .milliseconds(5)) }; print("late"); display("shown late"); done.signal()'
FLAG = """final class Flag: @unchecked Sendable { private let lock = NSLock(); private var raised = false
    var value: Bool { lock.withLock { raised } }
    func raise() { lock.withLock { raised = true } } }
let isAllowed = Flag()"""

LEFT_BEHIND = {
    "thread": f"Thread {{ {LATE} }}.start()",
    "dispatch": f"DispatchQueue.global().async {{ {LATE} }}",
    "task": f"Task {{ {ASYNC_LATE} }}",
    "detached-task": f"Task.detached {{ {ASYNC_LATE} }}",
    "main-actor": f"Task {{ @MainActor in {ASYNC_LATE} }}",
    "task-of-a-cell-that-awaits": f"Task {{ {ASYNC_LATE} }}\nawait Task.yield()",
    "function-of-an-earlier-cell": "Task { await late() }\nawait Task.yield()",
    "past-the-library": 'Thread { go.wait(); write(1, "late\\n", 5); display("shown late"); done.signal() }.start()',
    "foundation": 'Thread { go.wait(); FileHandle.standardOutput.write(Data("late\\n".utf8)); done.signal() }.start()',
    "c-plus-plus": 'Thread { go.wait(); _ = insert(dlsym(nil, "_ZSt4cout"), "late\\n"); done.signal() }.start()',
    "c-code": 'Thread { go.wait(); puts("late"); display("shown late"); done.signal() }.start()',
}


@pytest.mark.parametrize("left", LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
def test_it_lands_under_its_own_cell(notebook, left):
    notebook.run(BEGIN)
    notebook.run(FLAG)
    notebook.run(f"func late() async {{ {ASYNC_LATE} }}")
    # std::operator<<(std::ostream &, const char *)
    notebook.run(
        'let insert = unsafeBitCast(dlsym(nil, "_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc"),\n'
        "    to: (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>) -> UnsafeMutableRawPointer?).self)")
    first = notebook.start(left)
    notebook.finish(first)
    # The later cell lasts until the late output has been made.
    later = notebook.finish(notebook.start("go.signal(); isAllowed.raise(); done.wait(); print(\"of the later cell\")"))
    assert later.stdout == "of the later cell\n"
    assert not later.contents("display_data")


def test_every_thread_is_known_by_its_own_cell(notebook):
    """Several at once, in one place: nothing is mixed up."""
    notebook.run(BEGIN)
    cells = [
        notebook.client.execute(
            f'for _ in 0..<3 {{ Thread {{ go.wait(); for _ in 0..<50 {{ print("cell {number}") }}; done.signal() }}.start() }}')
        for number in range(4)]
    last = notebook.client.execute("for _ in 0..<12 { go.signal() }; for _ in 0..<12 { done.wait() }")
    printed: dict[str, str] = {}
    while True:
        message = notebook.client.get_iopub_msg(timeout=20)
        parent = message["parent_header"].get("msg_id")
        if message["msg_type"] == "stream":
            printed[parent] = printed.get(parent, "") + message["content"]["text"]
        if parent == last and message["content"].get("execution_state") == "idle":
            break
    assert printed == {cell: f"cell {number}\n" * 150 for number, cell in enumerate(cells)}


def test_what_goes_past_the_library_keeps_its_place_among_printed_lines(notebook):
    outcome = notebook.run(
        'import Foundation\nfor n in 0..<200 { print("print", n); FileHandle.standardOutput.write(Data("raw \\(n)\\n".utf8)) }')
    assert outcome.stdout.splitlines() == [line for n in range(200) for line in (f"print {n}", f"raw {n}")]


def test_the_streams_of_c_are_whole(notebook):
    outcome = notebook.run(
        'import Foundation\nputs("puts"); putchar(65); putchar(10)\nfputs("to stderr\\n", stderr)\n'
        'withVaList([7]) { _ = vprintf("%d\\n", $0) }\nprint(fileno(stdout), fileno(stderr), isatty(fileno(stdout)))\n'
        'fflush(stdout)\nsetvbuf(stdout, nil, _IOFBF, 4096)\nprint("buffered")')
    assert outcome.error == ""
    assert outcome.stdout == "puts\nA\n7\n1 2 0\nbuffered\n"
    assert "".join(part["text"] for part in outcome.contents("stream") if part["name"] == "stderr") == "to stderr\n"


def test_a_cell_that_is_stopped_while_it_prints_takes_no_lock_along(notebook):
    for number in range(10):
        running = notebook.start('print("go")\nwhile true { print("x", terminator: ""); print("y") }')
        notebook.wait_for(running, lambda message: message["msg_type"] == "stream")
        notebook.interrupt()
        assert notebook.finish(running, timeout=10).reply["status"] == "error", number
        assert notebook.run('print("still here")').stdout == "still here\n"


def test_a_child_process_writes_under_the_cell_that_started_it(notebook, tmp_path):
    notebook.run("import Foundation\nlet child = Process()")
    first = notebook.start(
        'child.executableURL = URL(filePath: "/bin/sh")\n'
        f'child.arguments = ["-c", "while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo late"]\ntry child.run()')
    notebook.finish(first)
    later = notebook.start(f'_ = FileManager.default.createFile(atPath: "{tmp_path}/go", contents: nil)\nchild.waitUntilExit()')
    printed = {}
    while first.identity not in printed or not later.reply:
        message = notebook.client.get_iopub_msg(timeout=20)
        parent = message["parent_header"].get("msg_id")
        if message["msg_type"] == "stream":
            printed[parent] = printed.get(parent, "") + message["content"]["text"]
        if parent == later.identity and message["content"].get("execution_state") == "idle":
            later.reply = {"status": "ok"}
    assert printed == {first.identity: "late\n"}


def test_c_plus_plus_prints_in_order(notebook):
    outcome = notebook.run(
        'import Foundation\nlet insert = unsafeBitCast(dlsym(nil, "_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc"),\n'
        "    to: (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>) -> UnsafeMutableRawPointer?).self)\n"
        'for n in 0..<50 { print("print", n); _ = insert(dlsym(nil, "_ZSt4cout"), "cout \\(n)\\n") }')
    assert outcome.stdout.splitlines() == [line for n in range(50) for line in (f"print {n}", f"cout {n}")]
