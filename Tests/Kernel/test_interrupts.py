"""An interrupt ends any cell within 2 s, and nothing that later cells need is left behind."""

import time

import pytest

LOOPS = {
    "nothing": "while true {}",
    "printing": 'while true { print("line") }',
    "sorting": "var a = (0..<10_000).map { _ in Int.random(in: 0...9) }\nwhile true { a.sort(); a.shuffle() }",
    "allocating": "var kept: [[Int]] = []\nwhile true { kept = (0..<100).map { [$0] } }",
    "sleeping": "import Foundation\nsleep(60)",
    "reading": "import Foundation\nvar ends: [Int32] = [0, 0]\npipe(&ends)\nvar byte: UInt8 = 0\nread(ends[0], &byte, 1)",
    "reading-a-stream": 'import Foundation\nlet file = popen("sleep 60", "r")!\nvar line = [CChar](repeating: 0, count: 9)\nfgets(&line, 9, file)',
    "waiting-for-a-lock": "import Foundation\nlet semaphore = DispatchSemaphore(value: 0)\nsemaphore.wait()",
    "optimised": "%optimize\nvar n = 0\nwhile n >= 0 { n = (n &+ 1) & 0xffff }",
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
def test_it_ends_and_print_and_allocation_are_in_order(notebook, loop):
    notebook.run("let kept0 = 42")
    first, _, rest = loop.partition("\n")
    code = f'{first}\nprint("started")\n{rest}' if first.startswith(("%", "import", "var")) else f'print("started")\n{loop}'
    running = notebook.start(code)
    notebook.wait_for(running, lambda message: message["msg_type"] == "stream")
    asked = time.monotonic()
    notebook.interrupt()
    outcome = notebook.finish(running, timeout=10)
    assert time.monotonic() - asked < 2
    assert outcome.reply["status"] == "error"
    assert notebook.run('print("after")\n(0..<1000).map { [$0] }.count + kept0').value == "1042"


def test_a_compilation_ends(notebook):
    # A chain that takes the type checker seconds.
    chain = " + ".join(f"[{i}].map {{ $0 + {i} }}.reduce(0, +)" for i in range(60))
    running = notebook.start(f"let slow = {chain}\nslow")
    notebook.wait_for(running, lambda message: message["msg_type"] == "execute_input")
    notebook.interrupt()
    # And not because the compiler gave up.
    assert "interrupted" in notebook.finish(running, timeout=5).error.lower()
    assert notebook.run("1 + 1").value == "2"


def test_fifty_interrupts_leave_the_kernel_in_order(notebook):
    notebook.run("var rounds = 0")
    for number in range(50):
        running = notebook.start('print("go")\nwhile true { rounds += 1; _ = String(rounds); if rounds % 5_000 == 0 { print(rounds) } }')
        notebook.wait_for(running, lambda message: message["msg_type"] == "stream")
        notebook.interrupt()
        assert notebook.finish(running, timeout=10).reply["status"] == "error", number
    assert notebook.run("rounds > 0").value == "true"
