"""Protocol 5.5 with the real kernel, message by message."""

import os
import signal
import time

import pytest
import zmq
from jupyter_client.manager import KernelManager

PATIENCE = 30


class Kernel:
    def __init__(self, **options):
        self.manager = KernelManager(kernel_name="swift-lab", **options)
        self.manager.start_kernel()
        self.connect()

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def send(self, kind, content=None, channel="shell", subshell=None, buffers=None) -> str:
        message = self.client.session.msg(kind, content or {})
        if subshell:
            message["header"]["subshell_id"] = subshell
        socket = getattr(self.client, f"{channel}_channel").socket
        self.client.session.send(socket, message, buffers=buffers)
        return message["header"]["msg_id"]

    def reply(self, identity, channel="shell") -> dict:
        get = self.client.get_shell_msg if channel == "shell" else self.client.get_control_msg
        while True:
            reply = get(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == identity:
                return reply

    def published(self, identity) -> list[dict]:
        """What a request published, from its busy to its idle."""
        got = []
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != identity:
                continue
            got.append(message)
            if message["content"].get("execution_state") == "idle":
                assert got[0]["content"] == {"execution_state": "busy"}
                return got[1:-1]

    def run(self, code, **options):
        identity = self.client.execute(code, **options)
        published = self.published(identity)
        return self.reply(identity)["content"], published

    def start(self, code) -> str:
        """Starts a cell that prints when it runs."""
        identity = self.client.execute(code)
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == identity:
                return identity


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.close()


def types(published) -> list[str]:
    return [message["msg_type"] for message in published]


def test_kernel_info_says_what_it_speaks(kernel):
    for channel in ("shell", "control"):
        info = kernel.reply(kernel.send("kernel_info_request", channel=channel), channel)["content"]
        assert info["status"] == "ok" and info["protocol_version"] == "5.5"
        assert info["supported_features"] == ["kernel subshells"] and info["debugger"] is False
        assert info["language_info"]["name"] == "swift" and info["language_info"]["file_extension"] == ".swift"


def test_user_expressions(kernel):
    reply, _ = kernel.run("let seven = 7", user_expressions={"good": "seven * 6", "bad": "nonsense"})
    assert reply["user_expressions"]["good"] == {"status": "ok", "data": {"text/plain": "42"}, "metadata": {}}
    assert reply["user_expressions"]["bad"]["status"] == "error"
    assert "nonsense" in reply["user_expressions"]["bad"]["evalue"]


def test_an_endless_user_expression_can_be_interrupted(kernel):
    kernel.run('func endless() -> Int { print("evaluating"); while true {} }')
    identity = kernel.client.execute("1", user_expressions={"endless": "endless()"})
    while True:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == identity:
            break
    kernel.manager.interrupt_kernel()
    reply = kernel.reply(identity)["content"]
    assert reply["user_expressions"]["endless"]["ename"] == "Interrupted"
    assert kernel.run("seven")[1][-1]["content"]["data"]["text/plain"] == "7"


def test_silent_and_unstored_cells(kernel):
    before = kernel.run("1")[0]["execution_count"]
    reply, published = kernel.run('print("x")\nlet silently = 8\nsilently', silent=True)
    assert published == [] and reply["execution_count"] == before
    assert kernel.run("silently", store_history=False)[0]["execution_count"] == before
    assert kernel.run("silently")[0]["execution_count"] == before + 1


@pytest.mark.parametrize("stops", [True, False])
def test_a_failure_aborts_what_is_queued(kernel, stops):
    first = kernel.client.execute("[1][seven]", stop_on_error=stops)
    queued = [kernel.client.execute(f"{n}") for n in range(3)]
    assert kernel.reply(first)["content"]["status"] == "error"
    statuses = [kernel.reply(identity)["content"]["status"] for identity in queued]
    assert statuses == ["aborted" if stops else "ok"] * 3
    assert kernel.run("1")[0]["status"] == "ok"


def test_history_is_kept_across_sessions(kernel):
    kernel.run("// remembered across sessions")
    other = Kernel()
    try:
        def history(**content):
            content = {"raw": True, "output": False, **content}
            return other.reply(other.send("history_request", content))["content"]["history"]

        search = {"hist_access_type": "search", "pattern": "*remembered across*", "n": 10}
        [(session, line, text)] = history(**search, unique=True)
        assert text == "// remembered across sessions"
        assert history(hist_access_type="range", session=session, start=line, stop=line + 1) == [[session, line, text]]
        assert history(hist_access_type="range", session=-1, start=line, stop=line + 1) == [[session, line, text]]
        other.run("6 * 7")
        assert history(hist_access_type="tail", n=1, output=True)[0][2] == ["6 * 7", "42"]
    finally:
        other.close()


@pytest.mark.parametrize(
    "code, status, indent",
    [("let a = 1", "complete", None), ("func f() {", "incomplete", "    "), ("let = )", "invalid", None)])
def test_is_complete(kernel, code, status, indent):
    content = kernel.reply(kernel.send("is_complete_request", {"code": code}))["content"]
    assert content["status"] == status and content.get("indent") == indent


OPEN = """import Lab
let comm = frontend.openComm(target: "counter", CommPayload(data: ["n": 1], metadata: ["version": "1"], buffers: [[0, 255], []]))!
comm.onMessage { payload in
    print("callback")
    display("shown")
    comm.send(CommPayload(data: payload.data, buffers: payload.buffers.reversed()))
}
frontend.acceptComms(target: "mirror") { comm, payload in comm.send(payload) }"""


def test_comms_carry_buffers_both_ways_each_message_in_busy_and_idle(kernel):
    _, published = kernel.run(OPEN)
    [opened] = [message for message in published if message["msg_type"] == "comm_open"]
    assert opened["content"]["target_name"] == "counter" and opened["content"]["data"] == {"n": 1}
    assert opened["metadata"]["version"] == "1" and [bytes(b) for b in opened["buffers"]] == [b"\x00\xff", b""]
    comm = opened["content"]["comm_id"]

    def comms(**content):
        return kernel.reply(kernel.send("comm_info_request", content))["content"]["comms"]

    assert comms(target_name="counter") == {comm: {"target_name": "counter"}} and comms(target_name="other") == {}
    large = os.urandom(1_000_000)
    message = kernel.send("comm_msg", {"comm_id": comm, "data": {"value": 0.5}}, buffers=[large, b"\xfe"])
    answer = kernel.published(message)
    assert types(answer) == ["stream", "display_data", "comm_msg"]
    assert answer[2]["content"]["data"] == {"value": 0.5} and [bytes(b) for b in answer[2]["buffers"]] == [b"\xfe", large]

    opened = kernel.published(kernel.send("comm_open", {"comm_id": "mine", "target_name": "mirror", "data": {"a": [1]}}))
    assert types(opened) == ["comm_msg"] and opened[0]["content"] == {"comm_id": "mine", "data": {"a": [1]}}
    assert kernel.published(kernel.send("comm_close", {"comm_id": "mine", "data": {}})) == []
    assert "mine" not in comms()
    # To one that is closed, and to a target that nobody accepts.
    assert kernel.published(kernel.send("comm_msg", {"comm_id": "mine", "data": {}})) == []
    refused = kernel.published(kernel.send("comm_open", {"comm_id": "lost", "target_name": "nobody", "data": {}}))
    assert types(refused) == ["comm_close"] and refused[0]["content"]["comm_id"] == "lost"


def test_subshells_answer_while_a_cell_runs(kernel):
    _, published = kernel.run(OPEN)
    comm = next(message["content"]["comm_id"] for message in published if message["msg_type"] == "comm_open")

    def control(kind, **content):
        return kernel.reply(kernel.send(kind, content, channel="control"), "control")["content"]

    subshell = control("create_subshell_request")["subshell_id"]
    assert control("list_subshell_request")["subshell_id"] == [subshell]
    running = kernel.start('print("started")\nwhile true {}')
    completion = kernel.send("complete_request", {"code": "seve", "cursor_pos": 4}, subshell=subshell)
    assert "seven" in kernel.reply(completion)["content"]["matches"]
    message = kernel.send("comm_msg", {"comm_id": comm, "data": {"live": True}}, subshell=subshell)
    # Also what the callback prints is its own and not the running cell's.
    answer = kernel.published(message)
    assert types(answer) == ["stream", "display_data", "comm_msg"]
    kernel.manager.interrupt_kernel()
    assert kernel.reply(running)["content"]["ename"] == "Interrupted"
    lost = kernel.send("complete_request", {"code": "s", "cursor_pos": 1}, subshell="nowhere")
    assert "no subshell nowhere" in kernel.reply(lost)["content"]["evalue"]
    assert control("delete_subshell_request", subshell_id=subshell)["status"] == "ok"
    assert control("list_subshell_request")["subshell_id"] == []
    assert control("delete_subshell_request", subshell_id=subshell)["status"] == "error"


def test_text_pictures_and_errors_arrive_in_the_order_in_which_they_were_made(kernel):
    code = 'import Lab\nfor n in 0..<20 { print("text", n); display(n) }\nprint("last")\nfatalError("over")'
    _, published = kernel.run(code)
    # 20 pairs, then the last line, then the error; idle behind all (see `published`).
    assert types(published)[1:] == ["stream", "display_data"] * 20 + ["stream", "error"]


def test_the_heart_beats_while_a_cell_runs(kernel):
    info = kernel.manager.get_connection_info()
    running = kernel.start('print("started")\nwhile true {}')
    heart = zmq.Context.instance().socket(zmq.REQ)
    heart.connect(f"tcp://{info['ip']}:{info['hb_port']}")
    for beat in (b"", b"ping", os.urandom(1000)):
        asked = time.monotonic()
        heart.send(beat)
        assert heart.poll(PATIENCE * 1000) and heart.recv() == beat
        assert time.monotonic() - asked < 0.5
    heart.close()
    # And an interrupt may come as a signal.
    os.kill(kernel.manager.provisioner.pid, signal.SIGINT)
    assert kernel.reply(running)["content"]["ename"] == "Interrupted"


def test_shutdown_with_restart_while_a_cell_runs():
    kernel = Kernel()
    try:
        kernel.run("let gone = 1")
        kernel.start('print("started")\nwhile true {}')
        identity = kernel.send("shutdown_request", {"restart": True}, channel="control")
        assert kernel.reply(identity, "control")["content"] == {"status": "ok", "restart": True}
        process = kernel.manager.provisioner.process
        process.wait(timeout=10)
        kernel.manager.restart_kernel(now=True)
        kernel.client.stop_channels()
        kernel.connect()
        reply, _ = kernel.run("gone")
        assert reply["status"] == "error" and reply["execution_count"] == 1
    finally:
        kernel.close()


def test_connections_are_encrypted_where_the_client_asks_for_it():
    kernel = Kernel(transport_encryption="required")
    try:
        running = kernel.start('print("started")\nwhile true {}')
        info = kernel.manager.get_connection_info()
        assert info["curve_secretkey"]
        # Somebody who knows the signing key, but not this one, is not even heard.
        context = zmq.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.linger = 0
        stranger.connect(f"tcp://{info['ip']}:{info['control_port']}")
        kernel.client.session.send(stranger, "interrupt_request", {})
        assert not stranger.poll(500)
        identity = kernel.send("kernel_info_request", channel="control")
        assert kernel.reply(identity, "control")["content"]["status"] == "ok"
        kernel.manager.interrupt_kernel()
        assert kernel.reply(running)["content"]["ename"] == "Interrupted"
        context.destroy()
    finally:
        kernel.close()
