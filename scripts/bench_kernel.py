"""The kernel's speed from a client's side, beside ipykernel's from the same run, as a table or a line of JSON.

usage: bench_kernel.py [--json] [KERNELSPEC]

Times are in milliseconds, from the request to the kernel's "idle". Needs psutil for the memory.
"""

import argparse
import json
import os
import statistics
import sys
import time

import psutil
from jupyter_client.manager import KernelManager

CODE = {
    "swift": {
        "trivial": "1 + 1",
        "define": "func f{i}(_ a: Int) -> Int {{ a + {i} }}\nlet v{i} = f{i}({i}) + v{j}",
        "first": "let v0 = 0",
        "flood": 'for i in 0..<200_000 {{ print("line \\(i) of the flood, some text to carry") }}',
        "picture": "import Lab\nvar state: UInt64 = 1\nlet noise = (0..<10_000_000).map {{ _ in state = state &* 6364136223846793005 &+ 1; return UInt8(state >> 56) }}",
        "show": 'display(MimeBundle(contents: ["image/png": .bytes(noise)]))',
        "loop": 'print("started")\nvar rounds = 0\nwhile true {{ rounds += 1 }}',
    },
    "python": {
        "trivial": "1 + 1",
        "define": "def f{i}(a): return a + {i}\nv{i} = f{i}({i}) + v{j}",
        "first": "v0 = 0",
        "flood": 'for i in range(200_000): print(f"line {{i}} of the flood, some text to carry")',
        "picture": "import os\nfrom IPython.display import display\nimport base64\nnoise = os.urandom(10_000_000)",
        "show": "display({{'image/png': base64.b64encode(noise).decode()}}, raw=True)",
        "loop": 'print("started", flush=True)\nwhile True: pass',
    },
}

AT_MOST, AT_LEAST = "at most", "at least"

# What the figures have to reach: name, unit, whether it is a ceiling or a floor, and where it lies.
ROWS = [
    ("ready", "ms", AT_MOST, 500),
    ("trivial cell, median of 100", "ms", AT_MOST, 80),
    ("trivial cell, worst of 100", "ms", AT_MOST, 150),
    ("cell that defines, median of 1,000", "ms", AT_MOST, 90),
    ("cell 500 against cell 5", "times", AT_MOST, 1.3),
    ("kernel_info round trip", "ms", AT_MOST, 1),
    ("kernel_info while a cell runs", "ms", AT_MOST, 5),
    ("200,000 printed lines", "MB/s", AT_LEAST, 20),
    ("a picture of 10 MB", "ms", AT_MOST, 100),
    ("of which the cell is compiled in", "ms", None, None),
    ("interrupt of an endless loop", "ms", AT_MOST, 2000),
    ("memory, idle after start", "MB", AT_MOST, 250),
    ("with its helpers, shared pages once", "MB", None, None),
    ("growth a cell, over 1,000", "KB", AT_MOST, 150),
]


class Client:
    def __init__(self, name: str):
        started = time.perf_counter()
        self.manager = KernelManager(kernel_name=name)
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.ready = time.perf_counter() - started

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code: str, on_output=None) -> tuple[float, int]:
        """Runs a cell. Returns seconds (from the call of `on_output`, if it was made) and the characters printed."""
        started = time.perf_counter()
        identity = self.client.execute(code, store_history=False)
        printed = 0
        while True:
            message = self.client.get_iopub_msg(timeout=300)
            if message["parent_header"].get("msg_id") != identity:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                printed += len(content["text"])
                if on_output:
                    on_output()
                    on_output = None
                    started = time.perf_counter()
                    self.manager.interrupt_kernel()
            elif kind == "error" and "interrupt" not in str(content).lower():
                sys.exit(f"{code!r} failed: {content['evalue']}")
            elif kind == "status" and content["execution_state"] == "idle":
                break
        seconds = time.perf_counter() - started
        while self.client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != identity:
            pass
        return seconds, printed

    def kernel_info(self, channel) -> float:
        """Seconds of a round trip of kernel_info on a channel."""
        started = time.perf_counter()
        message = self.client.session.msg("kernel_info_request")
        channel.send(message)
        while channel.get_msg(timeout=60)["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            pass
        return time.perf_counter() - started

    @property
    def memory(self) -> float:
        """The kernel's own, in bytes."""
        return psutil.Process(self.manager.provisioner.pid).memory_info().rss

    @property
    def memory_with_helpers(self) -> float:
        """That of the kernel and of all that it has started, in bytes; what they share counts once."""
        kernel = psutil.Process(self.manager.provisioner.pid)
        return sum(process.memory_full_info().pss for process in [kernel, *kernel.children(recursive=True)])


def measure(name: str, language: str) -> dict[str, float]:
    code = CODE[language]
    starts = []
    for _ in range(3):
        client = Client(name)
        starts.append(client.ready)
        if len(starts) < 3:
            client.close()
    # The helper for completion starts a second after the kernel.
    time.sleep(4)
    values = {
        "ready": statistics.median(starts) * 1e3, "memory, idle after start": client.memory / 1e6,
        "with its helpers, shared pages once": client.memory_with_helpers / 1e6}
    client.run(code["trivial"])
    trivial = [client.run(code["trivial"])[0] * 1e3 for _ in range(100)]
    values["trivial cell, median of 100"] = statistics.median(trivial)
    values["trivial cell, worst of 100"] = max(trivial)
    values["kernel_info round trip"] = statistics.median(
        client.kernel_info(client.client.shell_channel) for _ in range(100)) * 1e3
    client.run(code["first"])
    before = client.memory
    define = [client.run(code["define"].format(i=i, j=i - 1))[0] * 1e3 for i in range(1, 1001)]
    values["growth a cell, over 1,000"] = (client.memory - before) / 1000 / 1e3
    values["cell that defines, median of 1,000"] = statistics.median(define)
    # Twenty cells around each, because one alone is a matter of luck.
    values["cell 500 against cell 5"] = statistics.median(define[490:510]) / statistics.median(define[:20])
    seconds, printed = client.run(code["flood"].format())
    values["200,000 printed lines"] = printed / seconds / 1e6
    client.run(code["picture"].format())
    values["a picture of 10 MB"] = statistics.median(client.run(code["show"].format())[0] for _ in range(9)) * 1e3
    # The same cell, with a picture of one byte.
    values["of which the cell is compiled in"] = statistics.median(
        client.run(code["show"].format().replace("(noise", "(noise[:1]" if language == "python" else "([7]"))[0]
        for _ in range(9)) * 1e3
    busy = []
    seconds, _ = client.run(
        code["loop"].format(),
        on_output=lambda: busy.extend(client.kernel_info(client.client.control_channel) for _ in range(50)))
    values["interrupt of an endless loop"] = seconds * 1e3
    values["kernel_info while a cell runs"] = statistics.median(busy) * 1e3
    client.close()
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kernelspec", nargs="?", default="swift-lab")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    ours, theirs = measure(arguments.kernelspec, "swift"), measure("python3", "python")
    if arguments.json:
        print(json.dumps({arguments.kernelspec: ours, "ipykernel": theirs}))
        return
    print(f"{'':36}{arguments.kernelspec:>10}{'ipykernel':>11}  {'wanted':<16}  holds")
    missed = 0
    for name, unit, direction, limit in ROWS:
        holds = direction is None or (ours[name] <= limit if direction == AT_MOST else ours[name] >= limit)
        missed += not holds
        wanted = f"{direction} {limit:,}" if direction else ""
        print(f"{name:36}{ours[name]:10.1f}{theirs[name]:11.1f}  {wanted:<16}  "
              f"{'' if direction is None else 'yes' if holds else 'NO':5} {unit}")
    one, cores = os.getloadavg()[0], os.cpu_count()
    print(f"\n{missed or 'none'} missed, on {cores} cores with a load of {one:.1f} (the bench's own is about 1).")


if __name__ == "__main__":
    main()
