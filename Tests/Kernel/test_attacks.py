"""What nobody does on purpose, a thousand times: the session is in order afterwards, and has not grown."""

import random

import psutil


def memory(notebook) -> float:
    """The kernel's memory in MB."""
    return psutil.Process(notebook.manager.provisioner.pid).memory_info().rss / 1e6


def test_a_thousand_mixed_cells_leave_every_variable_right(notebook):
    choice = random.Random(1)
    expected: dict[str, int] = {}
    for number in range(1000):
        name = f"v{choice.randrange(40)}"
        match choice.randrange(10):
            case 0:
                assert "cannot find" in notebook.run(f"let {name} = nonsense{number}").error
            case 1:
                assert "out of range" in notebook.run(f"let {name} = [1, 2][{number} + 2]").error
            case 2:
                assert "Spilled" in notebook.run(f"struct Spilled: Error {{}}\nthrow Spilled()\nlet {name} = 0").error
            case 3:
                running = notebook.start('print("go")\nwhile true {}\n' + f"let {name} = 0")
                notebook.wait_for(running, lambda message: message["msg_type"] == "stream")
                notebook.interrupt()
                assert notebook.finish(running, timeout=10).reply["status"] == "error"
            case 4 if name in expected:
                assert notebook.run(f"let {name} = {name} + 1").error == ""
                expected[name] += 1
            case _:
                assert notebook.run(f"let {name} = {number}").error == ""
                expected[name] = number
    rows = [line.split() for line in notebook.run("%who").value.splitlines()[2:]]
    assert {row[0]: int(row[2]) for row in rows} == expected


def test_a_hundred_shape_errors_in_a_gradient_leave_no_memory_behind(notebook):
    notebook.run("import Lab\nlet wide = Tensor.normal([1000, 1000], seed: 1), narrow = Tensor.normal([10, 3], seed: 2)")
    wrong = "_ = valueAndGradient(at: wide) { w in matmul(relu(w) * 2.0 + w, narrow).sum() }"
    for _ in range(10):
        assert "do not fit" in notebook.run(wrong).error
    before = memory(notebook)
    for _ in range(100):
        assert "do not fit" in notebook.run(wrong).error
    # Each holds three tensors of 4 MB when it fails; the project promises less than 20 MB for all hundred.
    assert memory(notebook) - before < 20


def test_a_flood_of_output_arrives_in_order_and_memory_stays_bounded(notebook):
    notebook.run("import Lab\nlet line = String(repeating: \"x\", count: 99)")
    before = memory(notebook)
    flood = "for i in 0..<300_000 { print(i, line) }"
    outcome = notebook.run(flood, timeout=120)
    numbers = [int(line.split()[0]) for line in outcome.stdout.splitlines()]
    # 10 MB from the beginning, 32 KB to the end, and between them exactly as many lines are missing as is said.
    [last] = [place for place in range(len(numbers) - 1) if numbers[place + 1] != numbers[place] + 1]
    assert numbers[0] == 0 and numbers[-1] == 299_999
    said = "".join(part["text"] for part in outcome.contents("stream") if part["name"] == "stderr")
    assert "outputLimit = 100_000_000" in said
    assert f"({numbers[last + 1] - numbers[last] - 1:,} lines) are left out here" in said
    # The limit is the user's to set.
    notebook.run("outputLimit = 100_000_000")
    outcome = notebook.run(flood, timeout=120)
    assert [int(line.split()[0]) for line in outcome.stdout.splitlines()] == list(range(300_000))
    assert memory(notebook) - before < 100
