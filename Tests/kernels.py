"""A kernel as a process and a client that is connected to it: what all Python tests talk to kernels with."""

import re
import time
from dataclasses import dataclass, field

import psutil
from jupyter_client.manager import KernelManager

# Seconds that a test waits for what should come before it fails.
PATIENCE = 60


@dataclass
class Outcome:
    """All that came back for one cell, in the order in which it came."""

    identity: str
    messages: list = field(default_factory=list)
    reply: dict = field(default_factory=dict)

    def contents(self, *kinds: str) -> list[dict]:
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    @property
    def published(self) -> list[dict]:
        """Everything but busy and idle."""
        return [message for message in self.messages if message["msg_type"] != "status"]

    def printed(self, stream: str) -> str:
        return "".join(part["text"] for part in self.contents("stream") if part["name"] == stream)

    @property
    def stdout(self) -> str:
        return self.printed("stdout")

    @property
    def value(self) -> str | None:
        """The plain text of the cell's last value."""
        results = self.contents("execute_result")
        return results[-1]["data"]["text/plain"] if results else None

    @property
    def error(self) -> str:
        """The error as the notebook shows it, without colours; empty where the cell succeeded."""
        lines = [line for error in self.contents("error") for line in [error["ename"], error["evalue"], *error["traceback"]]]
        return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))

    @property
    def shape(self) -> list[str]:
        """The kinds of what the cell put out, one entry for each run of the same kind."""
        kinds = [message["msg_type"] for message in self.published if message["msg_type"] != "execute_input"]
        return [kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind]


def is_idle(message: dict) -> bool:
    return message["content"].get("execution_state") == "idle"


class Kernel:
    """A kernel that was just started.

    log: where its log goes (a file, `subprocess.DEVNULL`); to this process's own by default.
    options: of `KernelManager`.
    """

    def __init__(self, name: str = "swift-lab", *, log=None, **options):
        self.manager = KernelManager(kernel_name=name, **options)
        self.manager.start_kernel(stderr=log)
        self.connect()

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.manager.provisioner.pid)

    # Cells

    def run(self, code: str, timeout: float = PATIENCE, **options) -> Outcome:
        """Runs a cell to its end. options: of `execute_request`."""
        return self.finish(self.start(code, **options), timeout=timeout)

    def start(self, code: str, **options) -> Outcome:
        return Outcome(self.client.execute(code, **options))

    def start_printing(self, code: str, **options) -> Outcome:
        """Starts a cell, and returns when it has printed: it does run."""
        cell = self.start(code, **options)
        self.wait_for(cell, lambda message: message["msg_type"] == "stream")
        return cell

    def wait_for(self, cell: Outcome, is_it, timeout: float = PATIENCE) -> dict:
        """Collects a running cell's output up to the first message that `is_it` accepts."""
        end = time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.001, end - time.monotonic()))
            if message["parent_header"].get("msg_id") != cell.identity:
                continue
            cell.messages.append(message)
            if is_it(message):
                return message

    def finish(self, cell: Outcome, timeout: float = PATIENCE) -> Outcome:
        self.wait_for(cell, is_idle, timeout)
        assert cell.messages[0]["content"] == {"execution_state": "busy"}
        cell.reply = self.reply(cell.identity, timeout=timeout)
        return cell

    def interrupt(self):
        self.manager.interrupt_kernel()

    # Other requests

    def send(self, kind: str, content: dict | None = None, channel="shell", subshell=None, buffers=None) -> str:
        """Sends a message and returns its id."""
        message = self.client.session.msg(kind, content or {})
        if subshell:
            message["header"]["subshell_id"] = subshell
        socket = getattr(self.client, f"{channel}_channel").socket
        self.client.session.send(socket, message, buffers=buffers)
        return message["header"]["msg_id"]

    def reply(self, identity: str, channel="shell", timeout: float = PATIENCE) -> dict:
        """The content of the reply to a request."""
        get = self.client.get_shell_msg if channel == "shell" else self.client.get_control_msg
        while True:
            reply = get(timeout=timeout)
            if reply["parent_header"].get("msg_id") == identity:
                return reply["content"]

    def ask(self, kind: str, channel="shell", subshell=None, **content) -> dict:
        """Sends a request; the content of its reply."""
        return self.reply(self.send(kind, content, channel=channel, subshell=subshell), channel)

    def published(self, identity: str) -> list[dict]:
        """What a request published between its busy and its idle."""
        request = Outcome(identity)
        self.wait_for(request, is_idle)
        return request.published

    def complete(self, code: str) -> dict:
        """The reply to a completion where `code` has a `|`."""
        before, after = code.split("|")
        return self.reply(self.client.complete(before + after, len(before)))

    def inspect(self, code: str, detail: int = 0) -> dict:
        """The reply to an inspection where `code` has a `|`."""
        before, after = code.split("|")
        return self.reply(self.client.inspect(before + after, len(before), detail))


def types(published: list[dict]) -> list[str]:
    return [message["msg_type"] for message in published]
