"""What a cell leaves to be called later, as a widget does, has a cell's protection."""

import pytest
from kernels import Outcome, is_idle

OPEN = """
    import Lab
    let kept = 42
    let comm = frontend.openComm(target: "test", CommPayload())!
    comm.onMessage { payload in
        switch payload.data["do"] {
        case "print": print("heard")
        case "trap": _ = [1, 2][kept]
        default: print("loops"); while true {}
        }
    }
    """


@pytest.fixture
def opened(notebook):
    """A notebook with a comm, and its id."""
    outcome = notebook.run(OPEN)
    assert outcome.error == ""
    [comm] = outcome.contents("comm_open")
    return notebook, comm["comm_id"]


def send(notebook, comm: str, what: str) -> Outcome:
    return Outcome(notebook.send("comm_msg", {"comm_id": comm, "data": {"do": what}}))


def test_what_it_prints_belongs_to_its_message(opened):
    notebook, comm = opened
    sent = send(notebook, comm, "print")
    notebook.wait_for(sent, is_idle)
    assert sent.stdout == "heard\n"


def test_a_trap_costs_the_callback(opened):
    notebook, comm = opened
    sent = send(notebook, comm, "trap")
    notebook.wait_for(sent, is_idle)
    assert "Index out of range" in sent.error and "In[1], line 8" in sent.error
    again = send(notebook, comm, "print")
    notebook.wait_for(again, is_idle)
    assert again.stdout == "heard\n"
    assert notebook.run("kept").value == "42"


def test_an_interrupt_ends_it(opened):
    notebook, comm = opened
    sent = send(notebook, comm, "loop")
    notebook.wait_for(sent, lambda message: message["msg_type"] == "stream")
    notebook.interrupt()
    notebook.wait_for(sent, is_idle, timeout=5)
    assert "interrupted" in sent.error
    assert notebook.run("kept").value == "42"
