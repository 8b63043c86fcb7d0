"""A notebook without a browser: cells go to the real kernel, what comes back is collected."""

import re
import time
from dataclasses import dataclass, field

import pytest
from jupyter_client.manager import KernelManager


@dataclass
class Outcome:
    """All that came back for one cell, in the order in which it came."""

    messages: list = field(default_factory=list)
    reply: dict = field(default_factory=dict)

    def contents(self, *kinds: str) -> list[dict]:
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    @property
    def stdout(self) -> str:
        return "".join(part["text"] for part in self.contents("stream") if part["name"] == "stdout")

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
        kinds = [
            message["msg_type"] for message in self.messages if message["msg_type"] not in ("status", "execute_input")]
        return [kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind]


class Notebook:
    """One kernel and its client."""

    def __init__(self):
        self.manager = KernelManager(kernel_name="swift-lab")
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code: str, timeout: float = 60) -> Outcome:
        """Runs a cell to its end."""
        return self.finish(self.start(code), timeout=timeout)

    def start(self, code: str) -> tuple[str, Outcome]:
        return self.client.execute(code), Outcome()

    def wait_for(self, cell: tuple[str, Outcome], is_it, timeout: float = 60) -> dict:
        """Collects a running cell's output up to the first message that `is_it` accepts."""
        identity, outcome = cell
        end = time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.001, end - time.monotonic()))
            if message["parent_header"].get("msg_id") != identity:
                continue
            outcome.messages.append(message)
            if is_it(message):
                return message

    def finish(self, cell: tuple[str, Outcome], timeout: float = 60) -> Outcome:
        identity, outcome = cell
        self.wait_for(
            cell, lambda m: m["msg_type"] == "status" and m["content"]["execution_state"] == "idle", timeout)
        while not outcome.reply:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == identity:
                outcome.reply = reply["content"]
        return outcome

    def reply(self, identity: str, timeout: float = 60) -> dict:
        """The content of the reply to a request."""
        while True:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == identity:
                return reply["content"]

    def complete(self, code: str) -> dict:
        """The reply to a completion where `code` has a `|`."""
        before, after = code.split("|")
        return self.reply(self.client.complete(before + after, len(before)))

    def inspect(self, code: str, detail: int = 0) -> dict:
        """The reply to an inspection where `code` has a `|`."""
        before, after = code.split("|")
        return self.reply(self.client.inspect(before + after, len(before), detail))

    def interrupt(self):
        self.manager.interrupt_kernel()


@pytest.fixture(scope="module")
def notebooks():
    """Makes notebooks that last as long as a file's tests."""
    opened = []

    def make() -> Notebook:
        opened.append(Notebook())
        return opened[-1]

    yield make
    for notebook in opened:
        notebook.close()


@pytest.fixture
def notebook():
    """A notebook with a fresh kernel."""
    notebook = Notebook()
    yield notebook
    notebook.close()
