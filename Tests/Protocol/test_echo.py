"""What jupyter_kernel_test does not ask: real clients and real processes."""
import re
import subprocess
import sys
import time

import psutil
import pytest
from jupyter_client.blocking import BlockingKernelClient
from kernels import PATIENCE, Kernel, types


def test_everything_that_the_process_prints_is_captured(kernel):
    text = kernel.run("say through the C library\nraw past it\nprint through the kernel").stdout
    assert sorted(text.splitlines()) == ["past it", "through the C library", "through the kernel"]


def test_text_comes_before_the_picture_that_follows_it(kernel):
    code = "\n".join(f"say {n}\nshow place {n}" for n in range(50))
    contents = kernel.run(code).contents("stream", "display_data")
    # A line may come in two messages: its end is printed by itself.
    shown = "".join(content.get("text") or f"[{content['data']['text/plain']}]" for content in contents)
    assert shown == "".join(f"{n}\n[{n}]" for n in range(50))


def test_a_flood_is_whole(kernel):
    lines = kernel.run("flood 200000").stdout.splitlines()
    assert len(lines) == 200_000
    assert lines[123_456] == "line 123456 of the flood, some text to carry"


def test_memory_stays_bounded_while_a_client_does_not_read(kernel):
    # More than a cell may show as a rule: only the client holds it up.
    kernel.run("limit 10000000000")
    flood = kernel.start("flood 20000000")
    # The client's libzmq takes 1,000 messages and then no more; the kernel prints until it has to wait. That it does is
    # seen by the processor, of which it takes less than a tenth then.
    sizes = []
    while True:
        used = kernel.process.cpu_percent(interval=0.5)
        sizes.append(kernel.process.memory_info().rss / 1e6)
        if used < 10:
            break
    start = time.monotonic()
    assert kernel.ask("kernel_info_request", channel="control")["status"] == "ok"
    assert time.monotonic() - start < 1, "control waits for the cell's output"
    kernel.interrupt()
    kernel.finish(flood)
    # libzmq holds 1,000 messages of up to 128 KB for a client, and 4 MB wait here.
    assert max(sizes) < 300, sizes


def test_a_flood_beyond_the_limit_costs_no_memory_and_is_cut(kernel):
    kernel.run("flood 1000")
    before = kernel.process.memory_info().rss
    # 2,000,000 lines are 96 MB, of which 10 MB are shown at the beginning and 32 KB at the end.
    flood = kernel.run("flood 2000000")
    text = flood.stdout
    assert 10_000_000 < len(text) < 10_100_000
    lines = text.splitlines()
    assert lines[0] == "line 0 of the flood, some text to carry" and lines[-1].startswith("line 1999999 ")
    # The notice counts exactly what is missing.
    said = flood.printed("stderr")
    left = [int(n.replace(",", "")) for n in re.search(r"\[([\d,]+) bytes \(([\d,]+) lines\) are left out", said).groups()]
    everything = sum(len(f"line {n} of the flood, some text to carry\n") for n in range(2_000_000))
    assert left == [everything - len(text), 2_000_000 - len(lines)]
    assert kernel.process.memory_info().rss - before < 60e6


def test_two_clients_see_the_same(kernel):
    # With a session of its own: two clients of one session share their ZeroMQ identity, and push each other out.
    other = BlockingKernelClient(connection_file=kernel.manager.connection_file)
    other.load_connection_file()
    other.start_channels()
    other.wait_for_ready(timeout=PATIENCE)
    cell = kernel.run("print shared\nvalue 1")
    seen = []
    while "execute_result" not in seen:
        message = other.get_iopub_msg(timeout=PATIENCE)
        if message["parent_header"].get("msg_id") == cell.identity:
            seen.append(message["msg_type"])
    other.stop_channels()
    assert types(cell.published) == ["execute_input", "stream", "execute_result"]
    assert seen == ["status", *types(cell.published)]


def test_input_reaches_the_client(kernel):
    cell = kernel.start("input name? ", allow_stdin=True)
    question = kernel.client.get_stdin_msg(timeout=PATIENCE)
    assert question["content"] == {"prompt": "name? ", "password": False}
    kernel.client.input("Grace")
    assert kernel.finish(cell).stdout == "Grace\n"


@pytest.mark.parametrize("name", ["echo", "echo-signal"])
def test_an_interrupt_stops_the_cell_and_nothing_else(name):
    kernel = Kernel(name)
    try:
        running = kernel.start_printing("sleep-until-interrupted")
        start = time.monotonic()
        kernel.interrupt()
        assert kernel.finish(running).reply["ename"] == "Interrupted"
        assert time.monotonic() - start < 1
        assert kernel.run("value 1").value == "1"
    finally:
        kernel.close()


def test_a_restart_brings_a_fresh_kernel(kernel):
    assert kernel.run("value 1").reply["execution_count"] == 1
    kernel.start_printing("sleep-until-interrupted")
    start = time.monotonic()
    kernel.manager.restart_kernel()
    # By its own will: jupyter_client waits 5 s for the old process before it kills it.
    assert time.monotonic() - start < 4
    kernel.client.wait_for_ready(timeout=PATIENCE)
    assert kernel.run("value 1").reply["execution_count"] == 1


def test_comms_carry_buffers_both_ways(kernel):
    comm = kernel.run("open widget").contents("comm_open")[0]["comm_id"]
    message = kernel.send("comm_msg", {"comm_id": comm, "data": {"n": 1}}, buffers=[b"\x00\xff", b"second"])
    [answer] = [answer for answer in kernel.published(message) if answer["msg_type"] == "comm_msg"]
    assert answer["content"]["data"] == {"n": 1}
    assert [bytes(b) for b in answer["buffers"]] == [b"\x00\xff", b"second"]


def test_history_outlives_the_kernel():
    for expected in ([], ["value remembered"]):
        kernel = Kernel("echo")
        found = kernel.ask(
            "history_request", raw=True, output=False, hist_access_type="search", pattern="value remembere?",
            unique=True)
        assert [entry[2] for entry in found["history"]] == expected
        kernel.run("value remembered")
        kernel.close()


def test_the_kernel_ends_when_its_parent_is_gone():
    # A parent that starts the kernel and dies, as a killed server does.
    parent = subprocess.run(
        [
            sys.executable,
            "-c",
            "from jupyter_client.manager import start_new_kernel; import os\n"
            "manager, client = start_new_kernel(kernel_name='echo')\n"
            "print(manager.provisioner.pid, flush=True); os._exit(9)",
        ],
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
    )
    try:
        kernel = psutil.Process(int(parent.stdout))
        # A process that has ended but that nobody has asked about is gone as well.
        if kernel.status() != psutil.STATUS_ZOMBIE:
            kernel.wait(timeout=10)
    except psutil.NoSuchProcess:
        pass


@pytest.mark.parametrize(
    "text, sentence",
    [
        (None, "does not exist"),
        ("{", "is not a JSON object"),
        ('{"transport": "tcp"}', 'has no "ip"'),
    ],
)
def test_a_bad_connection_file_is_explained(echo_kernel, tmp_path, text, sentence):
    path = tmp_path / "kernel.json"
    if text is not None:
        path.write_text(text)
    result = subprocess.run([echo_kernel, path], capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 2
    assert result.stdout.startswith(f"Connection file {path} {sentence}")


def test_a_port_that_is_taken_is_explained(kernel, echo_kernel):
    result = subprocess.run(
        [echo_kernel, kernel.manager.connection_file], capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 2
    assert "Address already in use" in result.stdout + result.stderr
