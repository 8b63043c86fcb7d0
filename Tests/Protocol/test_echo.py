"""What jupyter_kernel_test does not ask: real clients and real processes."""
import pathlib
import re
import subprocess
import sys
import time

import psutil
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

PATIENCE = 10


def run(client, code, **options):
    """The reply to a cell, and what it published between busy and idle."""
    message = client.execute(code, **options)
    published = publications(client, message)
    while True:
        reply = client.get_shell_msg(timeout=PATIENCE)
        if reply["parent_header"].get("msg_id") == message:
            return reply, published


def publications(client, message):
    published = []
    while True:
        got = client.get_iopub_msg(timeout=PATIENCE)
        if got["parent_header"].get("msg_id") != message:
            continue
        if got["msg_type"] == "status":
            if got["content"]["execution_state"] == "idle":
                return published
        else:
            published.append(got)


def printed(published, name="stdout"):
    return "".join(m["content"]["text"] for m in published if m["msg_type"] == "stream" and m["content"]["name"] == name)


def start_endless(client):
    message = client.execute("sleep-until-interrupted")
    while client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "stream":
        pass
    return message


def test_everything_that_the_process_prints_is_captured(kernel):
    _, client = kernel
    _, published = run(client, "say through the C library\nraw past it\nprint through the kernel")
    text = printed(published)
    assert sorted(text.splitlines()) == ["past it", "through the C library", "through the kernel"]


def test_text_comes_before_the_picture_that_follows_it(kernel):
    _, client = kernel
    code = "\n".join(f"say {n}\nshow place {n}" for n in range(50))
    _, published = run(client, code)
    shown = [m["content"].get("text") or m["content"]["data"]["text/plain"] for m in published[1:]]
    # Text and picture in turn, each pair with its number.
    assert [t.strip() for t in shown] == [str(n) for n in range(50) for _ in "tp"]


def test_a_flood_is_whole(kernel):
    _, client = kernel
    _, published = run(client, "flood 200000")
    lines = printed(published).splitlines()
    assert len(lines) == 200_000
    assert lines[123_456] == "line 123456 of the flood, some text to carry"


def test_memory_stays_bounded_while_a_client_does_not_read(kernel):
    manager, client = kernel
    # More than a cell may show as a rule: only the client holds it up.
    run(client, "limit 10000000000")
    message = client.execute("flood 20000000")

    process = pathlib.Path(f"/proc/{manager.provisioner.pid}")

    def resident():
        return int((process / "status").read_text().split("VmRSS:")[1].split()[0]) / 1024

    def processor_ticks():
        return sum(map(int, (process / "stat").read_text().rsplit(")")[-1].split()[11:13]))

    # The client's libzmq takes 1,000 messages and then no more; the kernel prints until it has to wait.
    sizes = []
    while True:
        before = processor_ticks()
        time.sleep(0.5)
        sizes.append(resident())
        if processor_ticks() - before < 5:
            break
    start = time.monotonic()
    client.control_channel.send(client.session.msg("kernel_info_request"))
    assert client.get_control_msg(timeout=PATIENCE)["msg_type"] == "kernel_info_reply"
    assert time.monotonic() - start < 1, "control waits for the cell's output"
    manager.interrupt_kernel()
    publications(client, message)
    # libzmq holds 1,000 messages of up to 128 KB for a client, and 4 MB wait here.
    assert max(sizes) < 300, sizes


def test_a_flood_beyond_the_limit_costs_no_memory_and_is_cut(kernel):
    manager, client = kernel
    run(client, "flood 1000")
    process = psutil.Process(manager.provisioner.pid)
    before = process.memory_info().rss
    # 2,000,000 lines are 96 MB, of which 10 MB are shown at the beginning and 32 KB at the end.
    _, published = run(client, "flood 2000000")
    text = printed(published)
    assert 10_000_000 < len(text) < 10_100_000
    lines = text.splitlines()
    assert lines[0] == "line 0 of the flood, some text to carry" and lines[-1].startswith("line 1999999 ")
    # The notice counts exactly what is missing.
    said = printed(published, "stderr")
    left = [int(n.replace(",", "")) for n in re.search(r"\[([\d,]+) bytes \(([\d,]+) lines\) are left out", said).groups()]
    everything = sum(len(f"line {n} of the flood, some text to carry\n") for n in range(2_000_000))
    assert left == [everything - len(text), 2_000_000 - len(lines)]
    assert process.memory_info().rss - before < 60e6


def test_two_clients_see_the_same(kernel):
    manager, client = kernel
    # With a session of its own: two clients of one session share their ZeroMQ identity, and push each other out.
    other = BlockingKernelClient(connection_file=manager.connection_file)
    other.load_connection_file()
    other.start_channels()
    other.wait_for_ready(timeout=PATIENCE)
    message = client.execute("print shared\nvalue 1")
    types = [[m["msg_type"] for m in publications(c, message)] for c in (client, other)]
    assert types[0] == types[1] == ["execute_input", "stream", "execute_result"]
    other.stop_channels()


def test_input_reaches_the_client(kernel):
    _, client = kernel
    message = client.execute("input name? ", allow_stdin=True)
    question = client.get_stdin_msg(timeout=PATIENCE)
    assert question["content"] == {"prompt": "name? ", "password": False}
    client.input("Grace")
    assert printed(publications(client, message)) == "Grace\n"


@pytest.mark.parametrize("name", ["echo", "echo-signal"])
def test_an_interrupt_stops_the_cell_and_nothing_else(name):
    manager, client = start_new_kernel(kernel_name=name)
    try:
        start_endless(client)
        start = time.monotonic()
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=PATIENCE)
        assert time.monotonic() - start < 1
        assert reply["content"]["ename"] == "Interrupted"
        assert run(client, "value 1")[0]["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_restart_brings_a_fresh_kernel(kernel):
    manager, client = kernel
    assert run(client, "value 1")[0]["content"]["execution_count"] == 1
    start_endless(client)
    start = time.monotonic()
    manager.restart_kernel()
    # By its own will: jupyter_client waits 5 s for the old process before it kills it.
    assert time.monotonic() - start < 4
    client.wait_for_ready(timeout=PATIENCE)
    assert run(client, "value 1")[0]["content"]["execution_count"] == 1


def test_comms_carry_buffers_both_ways(kernel):
    _, client = kernel
    _, published = run(client, "open widget")
    opened = [m for m in published if m["msg_type"] == "comm_open"][0]
    message = client.session.msg("comm_msg", {"comm_id": opened["content"]["comm_id"], "data": {"n": 1}})
    client.session.send(client.shell_channel.socket, message, buffers=[b"\x00\xff", b"second"])
    answer = [m for m in publications(client, message["header"]["msg_id"]) if m["msg_type"] == "comm_msg"][0]
    assert answer["content"]["data"] == {"n": 1}
    assert [bytes(b) for b in answer["buffers"]] == [b"\x00\xff", b"second"]


def test_history_outlives_the_kernel():
    for expected in ([], ["value remembered"]):
        manager, client = start_new_kernel(kernel_name="echo")
        client.history(raw=True, output=False, hist_access_type="search", pattern="value remembere?", unique=True)
        while (reply := client.get_shell_msg(timeout=PATIENCE))["msg_type"] != "history_reply":
            pass
        assert [entry[2] for entry in reply["content"]["history"]] == expected
        run(client, "value remembered")
        client.stop_channels()
        manager.shutdown_kernel()


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
    pid = int(parent.stdout)
    end = time.monotonic() + PATIENCE
    while pathlib.Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        # A process that has ended but that nobody has asked about is gone as well.
        if pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    assert not pathlib.Path(f"/proc/{pid}").exists()


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
    manager, _ = kernel
    result = subprocess.run(
        [echo_kernel, manager.connection_file], capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 2
    assert "Address already in use" in result.stdout + result.stderr
