"""What a kernel must outlive from whoever can reach its ports: the echo kernel, and the real one."""
import os
import pathlib
import socket
import subprocess

import pytest
import zmq
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session
from kernels import PATIENCE, Kernel

PORTS = ("shell_port", "control_port", "stdin_port", "iopub_port", "hb_port")
ENDLESS = {"echo": "sleep-until-interrupted", "swift-lab": 'print("started")\nwhile true {}'}
SAY = {"echo": "print well", "swift-lab": 'print("well")'}


class Target(Kernel):
    """A kernel that is attacked."""

    def __init__(self, name):
        self.name = name
        super().__init__(name, log=subprocess.DEVNULL)
        self.info = self.manager.get_connection_info()

    def answers_on_control(self) -> bool:
        return self.ask("kernel_info_request", channel="control")["status"] == "ok"

    def is_well(self) -> bool:
        return self.run(SAY[self.name]).stdout == "well\n" and self.manager.is_alive()


@pytest.fixture(scope="module", params=["echo", "swift-lab"])
def kernel(request):
    kernel = Target(request.param)
    yield kernel
    kernel.close()


def test_ten_thousand_wrong_messages_on_every_socket_while_a_cell_runs(kernel):
    endless = kernel.start_printing(ENDLESS[kernel.name])
    before = kernel.process.memory_info().rss
    stranger = Session(key=b"another key", signature_scheme="hmac-sha256")
    stranger.digest_history_size = 0
    context = zmq.Context()
    for port in PORTS:
        # On iopub libzmq itself refuses everything but subscribers.
        attacker = context.socket(zmq.XSUB if port == "iopub_port" else zmq.DEALER)
        attacker.linger = 0
        # The heart sends back what nobody reads here.
        attacker.sndtimeo = 200
        attacker.connect(f"tcp://{kernel.info['ip']}:{kernel.info[port]}")
        wrong = [
            stranger.serialize(stranger.msg("execute_request", {"code": "intruder"})),
            stranger.serialize(stranger.msg("shutdown_request", {"restart": False})),
            [b"<IDS|MSG>", b"", b"{", b"\xff\xfe", b"]", b""],
            [b"", b"<IDS|MSG>"],
            [b"x" + os.urandom(100)],
        ]
        try:
            for number in range(10_000):
                attacker.send_multipart(wrong[number % len(wrong)])
        except zmq.Again:
            assert port == "hb_port", port
    assert kernel.answers_on_control()
    kernel.interrupt()
    assert "intruder" not in str(kernel.finish(endless).published)
    assert kernel.is_well()
    # Nothing of them is kept.
    assert kernel.process.memory_info().rss - before < 30e6
    context.destroy()


def test_a_message_that_was_recorded_is_not_obeyed_again(kernel):
    session = kernel.client.session
    request = session.msg("execute_request", {"code": SAY[kernel.name], "silent": False})
    frames = session.serialize(request)
    context = zmq.Context()
    recorder = context.socket(zmq.DEALER)
    recorder.connect(f"tcp://{kernel.info['ip']}:{kernel.info['shell_port']}")
    recorder.send_multipart(frames)
    kernel.published(request["header"]["msg_id"])
    for _ in range(3):
        recorder.send_multipart(frames)
    assert kernel.is_well()
    assert recorder.recv_multipart()
    assert not recorder.poll(200), "a copy was answered"
    context.destroy()


def zmtp(kernel, port: str) -> socket.socket:
    """A connection that has said hello as a ZeroMQ dealer does (ZMTP 3.0), to speak on by hand."""
    connection = socket.create_connection((kernel.info["ip"], kernel.info[port]), timeout=PATIENCE)
    connection.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    ready = b"\x05READY\x0bSocket-Type" + len(b"DEALER").to_bytes(4, "big") + b"DEALER"
    connection.sendall(b"\x04" + bytes([len(ready)]) + ready)
    # Its greeting and the beginning of its own command: it is ready to be spoken to.
    received = b""
    while len(received) < 66:
        received += connection.recv(1000)
    return connection


MORE, LONG = 1, 2


@pytest.mark.parametrize(
    "frame",
    [
        bytes([MORE, 5]) + b"first",  # and the rest never comes
        bytes([MORE, 200]) + b"cut short",
        bytes([LONG]) + (1 << 40).to_bytes(8, "big") + b"a terabyte is announced",
        bytes([LONG]) + ((1 << 63) + 5).to_bytes(8, "big"),
        os.urandom(1000),
    ],
    ids=["half-a-message", "half-a-frame", "terabyte", "more-than-there-is", "noise"],
)
@pytest.mark.parametrize("port", ["shell_port", "control_port"])
def test_what_is_no_message_harms_nobody(kernel, port, frame):
    before = kernel.process.memory_info().rss
    with zmtp(kernel, port) as connection:
        connection.sendall(frame)
    assert kernel.is_well() and kernel.answers_on_control()
    assert kernel.process.memory_info().rss - before < 30e6


def test_the_connection_file_is_its_owners_alone(kernel, tmp_path):
    path = pathlib.Path(kernel.manager.connection_file)
    assert path.stat().st_mode & 0o077 == 0


def test_a_connection_file_that_others_can_read_is_taken_from_them(kernel):
    manager = KernelManager(kernel_name=kernel.name)
    manager.write_connection_file()
    path = pathlib.Path(manager.connection_file)
    path.chmod(0o644)
    command = manager.kernel_spec.argv
    started = subprocess.Popen(
        [part.replace("{connection_file}", str(path)) for part in command], stderr=subprocess.PIPE, text=True)
    try:
        line = started.stderr.readline()
        assert str(path) in line and "Others could read the key" in line
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        started.kill()
        started.wait()
        manager.cleanup_connection_file()


def test_a_client_that_comes_late_is_served_like_the_first(kernel):
    other = kernel.manager.client()
    # Of another session: two clients of one session share their ZeroMQ identity.
    other.session = Session(key=kernel.client.session.key, signature_scheme="hmac-sha256")
    other.start_channels()
    other.wait_for_ready(timeout=PATIENCE)
    message = other.execute(SAY[kernel.name])
    texts = []
    while not texts:
        got = other.get_iopub_msg(timeout=PATIENCE)
        if got["parent_header"].get("msg_id") == message and got["msg_type"] == "stream":
            texts.append(got["content"]["text"])
    assert texts == ["well\n"]
    other.stop_channels()
    assert kernel.is_well()
