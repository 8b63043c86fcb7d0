"""Starts JupyterLab on notebooks/, or the folder given, and says where it is. Ctrl-C stops it and every kernel in it.

Its own log goes to .lab/jupyterlab.log, so that the address is the one thing on the screen.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

project = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """The first free port from JupyterLab's usual one on: the address stays the same from day to day."""
    for port in range(8888, 8988):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    sys.exit("JupyterLab found no free port between 8888 and 8987.")


def wait_until_ready(server: subprocess.Popen, address: str, log: Path) -> None:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/login", timeout=10).close()
            return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.05)
    tail = "\n".join(log.read_text().splitlines()[-15:])
    sys.exit(f"{tail}\nJupyterLab did not start; its log is {log}.")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else project / "notebooks").resolve()
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(16)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    log = project / ".lab" / "jupyterlab.log"
    try:
        log.parent.mkdir(exist_ok=True)
        log.touch()
    except PermissionError:
        sys.exit(f"{log} belongs to another account and cannot be written: every account needs a clone of its own.")
    command = [
        sys.executable, "-m", "jupyterlab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        # The server would drop text beyond 3 MB in 3 s. The kernel shows 10 MB of a cell, and says what is missing.
        "--ZMQChannelsWebsocketConnection.iopub_data_rate_limit=1e8",
    ]
    if os.geteuid() == 0:
        command.append("--allow-root")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    with log.open("w") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            # By the environment and not as an argument: other accounts can read arguments.
            env={**os.environ, "JUPYTER_TOKEN": token},
            # Ctrl-C and a closed terminal reach this program only, which then lets the server end its kernels.
            start_new_session=True)
    try:
        wait_until_ready(server, address, log)
        url = f"{address}/lab?token={token}"
        print(f"Swift Lab is open at {url}\nCtrl-C stops it.", flush=True)
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            webbrowser.open(url)
        server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
