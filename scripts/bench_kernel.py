"""The kernel's speed from a client's side: start, trivial cells, definitions and their use, printing, interrupts.

usage: bench_kernel.py [KERNELSPEC]

Times are medians in milliseconds, from the request to the kernel's "idle".
"""

import json
import statistics
import sys
import time

from jupyter_client.manager import KernelManager


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

    def run(self, code: str, interrupt_on_output: bool = False) -> tuple[float, int]:
        """Runs a cell. Returns seconds, from the interrupt on if one was sent, and how many characters it printed."""
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
                if interrupt_on_output:
                    interrupt_on_output = False
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


def median(seconds) -> float:
    return round(statistics.median(seconds) * 1000, 1)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "swift-lab"
    ready = []
    for _ in range(3):
        client = Client(name)
        ready.append(client.ready)
        if len(ready) < 3:
            client.close()
    figures = {"ready_ms": median(ready)}
    figures["first_cell_ms"] = round(client.run("1 + 1")[0] * 1000, 1)
    figures["trivial_cell_ms"] = median(client.run("1 + 1")[0] for _ in range(20))
    figures["define_ms"] = median(
        client.run(f"func f{i}(_ a: Int) -> Int {{ a + {i} }}\nlet v{i} = f{i}({i})")[0] for i in range(30))
    figures["use_earlier_ms"] = median(client.run(f"v{i} + f{29 - i}(1)")[0] for i in range(30))
    figures["import_lab_ms"] = round(client.run("import Lab")[0] * 1000, 1)
    seconds, printed = client.run('for i in 0..<200_000 { print("line \\(i), some text to carry along") }')
    figures["printing_MB_per_s"] = round(printed / seconds / 1e6, 2)
    figures["interrupt_ms"] = median(
        client.run('print("started")\nvar i = 0\nwhile true { i += 1 }', interrupt_on_output=True)[0] for _ in range(5))
    client.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
