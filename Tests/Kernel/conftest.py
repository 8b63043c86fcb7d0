"""A notebook without a browser: cells go to the real kernel, what comes back is collected."""

import pytest
from kernels import Kernel


@pytest.fixture(scope="module")
def notebooks():
    """Makes notebooks that last as long as a file's tests."""
    opened = []

    def make() -> Kernel:
        opened.append(Kernel())
        return opened[-1]

    yield make
    for notebook in opened:
        notebook.close()


@pytest.fixture
def notebook():
    """A notebook with a fresh kernel."""
    notebook = Kernel()
    yield notebook
    notebook.close()
