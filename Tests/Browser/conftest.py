"""JupyterLab as `make lab` starts it, in Debian's Chromium, on a copy of the notebooks and with fresh settings."""

import os
import re
import shutil
import signal
import subprocess

import pytest
from playwright.sync_api import Page, sync_playwright


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to run as root, which test machines do.
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def lab(project, tmp_path):
    """A running JupyterLab: its address with the token taken out, the token, and its folder of notebooks."""
    folder = tmp_path / "notebooks"
    shutil.copytree(project / "notebooks", folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    own = {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    server = subprocess.Popen(
        [project / ".venv" / "bin" / "python", project / "scripts" / "start_lab.py", folder],
        stdout=subprocess.PIPE, text=True, env={**os.environ, **own})
    address, token = re.search(r"(http://\S+)/lab\?token=(\w+)", server.stdout.readline()).groups()
    yield Lab(address, token, folder)
    server.send_signal(signal.SIGINT)
    server.wait(timeout=60)


class Lab:
    def __init__(self, address, token, folder):
        self.address, self.token, self.folder = address, token, folder

    def open(self, page: Page, notebook: str) -> "NotebookPage":
        page.goto(f"{self.address}/lab/tree/{notebook}?token={self.token}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        return NotebookPage(page)


@pytest.fixture
def page(browser):
    """A page on a high-density screen, as most laptops have."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, device_scale_factor=2)
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


class NotebookPage:
    """An open notebook, used as a person would: by the menu and by looking."""

    def __init__(self, page: Page):
        self.page = page

    def choose(self, menu: str, command: str):
        """Chooses a menu's entry by the name of its command."""
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{menu}$")).click()
        entry = self.page.locator(f'.lm-Menu-item[data-command="{command}"]').first
        entry.wait_for()
        entry.click()

    def wait_until_connected(self):
        """The status bar says "Swift Lab | Idle". (The indicator in the notebook's toolbar says so too early.)"""
        self.page.locator("#jp-main-statusbar").get_by_text(re.compile(r"\| Idle$")).wait_for()

    def wait_until_all_ran(self, timeout: float):
        """No cell is waiting or running any more."""
        self.page.wait_for_function(
            "![...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].some(p => p.textContent.includes('*'))",
            timeout=timeout)

    @property
    def prompts(self) -> list[str]:
        return self.page.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()

    def cell(self, start: str):
        """The code cell that contains `start`, scrolled into view (cells out of sight are not on the page)."""
        cell = self.page.locator(".jp-CodeCell", has=self.page.locator(".cm-content", has_text=start)).first
        cell.scroll_into_view_if_needed()
        return cell
