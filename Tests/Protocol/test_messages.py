"""Protocol 5.5 with the real kernel, message by message."""

import os
import signal
import time

import pytest
import zmq
from kernels import PATIENCE, Kernel, types


ENDLESS = 'print("started")\nwhile true {}'


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.close()


def test_kernel_info_says_what_it_speaks(kernel):
    for channel in ("shell", "control"):
        info = kernel.ask("kernel_info_request", channel=channel)
        assert info["status"] == "ok" and info["protocol_version"] == "5.5"
        assert info["supported_features"] == ["kernel subshells"] and info["debugger"] is False
        assert info["language_info"]["name"] == "swift" and info["language_info"]["file_extension"] == ".swift"


def test_user_expressions(kernel):
    reply = kernel.run("let seven = 7", user_expressions={"good": "seven * 6", "bad": "nonsense"}).reply
    assert reply["user_expressions"]["good"] == {"status": "ok", "data": {"text/plain": "42"}, "metadata": {}}
    bad = reply["user_expressions"]["bad"]
    assert set(bad) == {"status", "ename", "evalue", "traceback"} and bad["status"] == "error"
    assert "nonsense" in bad["evalue"]


def test_an_endless_user_expression_can_be_interrupted(kernel):
    kernel.run('func endless() -> Int { print("evaluating"); while true {} }')
    running = kernel.start_printing("1", user_expressions={"endless": "endless()"})
    kernel.interrupt()
    assert kernel.finish(running).reply["user_expressions"]["endless"]["ename"] == "Interrupted"
    assert kernel.run("seven").value == "7"


def test_silent_and_unstored_cells(kernel):
    before = kernel.run("1").reply["execution_count"]
    silent = kernel.run('print("x")\nlet silently = 8\nsilently', silent=True)
    assert silent.published == [] and silent.reply["execution_count"] == before
    assert kernel.run("silently", store_history=False).reply["execution_count"] == before
    assert kernel.run("silently").reply["execution_count"] == before + 1
    kept = kernel.ask("history_request", hist_access_type="tail", n=2, output=False, raw=True)["history"]
    assert [entry[2] for entry in kept] == ["1", "silently"]


@pytest.mark.parametrize("stops", [True, False])
def test_a_failure_aborts_what_is_queued(kernel, stops):
    first = kernel.client.execute("[1][seven]", stop_on_error=stops)
    queued = [kernel.client.execute(f"{n}") for n in range(3)]
    assert kernel.reply(first)["status"] == "error"
    statuses = [kernel.reply(identity)["status"] for identity in queued]
    assert statuses == ["aborted" if stops else "ok"] * 3
    assert kernel.run("1").reply["status"] == "ok"


def test_history_is_kept_across_sessions(kernel):
    kernel.run("// remembered across sessions")
    other = Kernel()
    try:
        def history(**content):
            return other.ask("history_request", **{"raw": True, "output": False, **content})["history"]

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
    content = kernel.ask("is_complete_request", code=code)
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
    [opened] = [message for message in kernel.run(OPEN).published if message["msg_type"] == "comm_open"]
    assert opened["content"]["target_name"] == "counter" and opened["content"]["data"] == {"n": 1}
    assert opened["metadata"]["version"] == "1" and [bytes(b) for b in opened["buffers"]] == [b"\x00\xff", b""]
    comm = opened["content"]["comm_id"]

    def comms(**content):
        return kernel.ask("comm_info_request", **content)["comms"]

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
    comm = kernel.run(OPEN).contents("comm_open")[0]["comm_id"]

    def control(kind, **content):
        return kernel.ask(kind, channel="control", **content)

    subshell = control("create_subshell_request")["subshell_id"]
    assert control("list_subshell_request")["subshell_id"] == [subshell]
    running = kernel.start_printing(ENDLESS)
    completion = kernel.ask("complete_request", subshell=subshell, code="seve", cursor_pos=4)
    assert "seven" in completion["matches"]
    message = kernel.send("comm_msg", {"comm_id": comm, "data": {"live": True}}, subshell=subshell)
    # Also what the callback prints is its own and not the running cell's.
    answer = kernel.published(message)
    assert types(answer) == ["stream", "display_data", "comm_msg"]
    kernel.interrupt()
    assert kernel.finish(running).reply["ename"] == "Interrupted"
    lost = kernel.ask("complete_request", subshell="nowhere", code="s", cursor_pos=1)
    assert lost["status"] == "error" and "no subshell nowhere" in lost["evalue"]
    assert control("delete_subshell_request", subshell_id=subshell)["status"] == "ok"
    assert control("list_subshell_request")["subshell_id"] == []
    assert control("delete_subshell_request", subshell_id=subshell)["status"] == "error"
    assert kernel.ask("kernel_info_request", subshell=subshell)["status"] == "error"


def test_text_pictures_and_errors_arrive_in_the_order_in_which_they_were_made(kernel):
    code = 'import Lab\nfor n in 0..<20 { print("text", n); display(n) }\nprint("last")\nfatalError("over")'
    # 20 pairs, then the last line, then the error; idle behind all.
    assert types(kernel.run(code).published)[1:] == ["stream", "display_data"] * 20 + ["stream", "error"]


def test_the_heart_beats_while_a_cell_runs(kernel):
    info = kernel.manager.get_connection_info()
    running = kernel.start_printing(ENDLESS)
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
    assert kernel.finish(running).reply["ename"] == "Interrupted"


def test_an_interrupt_is_answered_at_once_and_then_by_the_cell(kernel):
    running = kernel.start_printing(ENDLESS)
    queued = kernel.client.execute("1")
    assert kernel.ask("interrupt_request", channel="control") == {"status": "ok"}
    assert kernel.finish(running).reply["ename"] == "Interrupted"
    assert kernel.reply(queued)["status"] == "aborted"
    # While nothing runs it is answered as well, and does not reach the next cell.
    assert kernel.ask("interrupt_request", channel="control") == {"status": "ok"}
    assert kernel.run("1").value == "1"


def test_where_no_input_is_allowed_nobody_is_asked(kernel):
    assert kernel.run('readLine() == nil && readPassword(prompt: "?") == nil', allow_stdin=False).value == "true"
    assert not kernel.client.stdin_channel.socket.poll(0)


def test_a_debugger_is_refused_and_what_is_unknown_passed_over(kernel):
    refused = kernel.ask("debug_request", channel="control", type="request", seq=3, command="initialize")
    assert (refused["type"], refused["request_seq"], refused["success"]) == ("response", 3, False)
    for channel in ("shell", "control", "stdin"):
        kernel.send("launch_request", channel=channel)
    for channel in ("shell", "control"):
        assert kernel.ask("kernel_info_request", channel=channel)["status"] == "ok"


def test_shutdown_with_restart_while_a_cell_runs():
    kernel = Kernel()
    try:
        kernel.run("let gone = 1")
        kernel.start_printing(ENDLESS)
        identity = kernel.send("shutdown_request", {"restart": True}, channel="control")
        assert kernel.reply(identity, "control") == {"status": "ok", "restart": True}
        assert types(kernel.published(identity)) == ["shutdown_reply"]
        process = kernel.manager.provisioner.process
        process.wait(timeout=10)
        kernel.manager.restart_kernel(now=True)
        kernel.client.stop_channels()
        kernel.connect()
        reply = kernel.run("gone").reply
        assert reply["status"] == "error" and reply["execution_count"] == 1
    finally:
        kernel.close()


def test_connections_are_encrypted_where_the_client_asks_for_it():
    kernel = Kernel(transport_encryption="required")
    try:
        running = kernel.start_printing(ENDLESS)
        info = kernel.manager.get_connection_info()
        assert info["curve_secretkey"]
        # Somebody who knows the signing key, but not this one, is not even heard.
        context = zmq.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.linger = 0
        stranger.connect(f"tcp://{info['ip']}:{info['control_port']}")
        kernel.client.session.send(stranger, "interrupt_request", {})
        assert not stranger.poll(500)
        assert kernel.ask("kernel_info_request", channel="control")["status"] == "ok"
        kernel.interrupt()
        assert kernel.finish(running).reply["ename"] == "Interrupted"
        context.destroy()
    finally:
        kernel.close()
