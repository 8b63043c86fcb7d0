"""What a cell leaves to be called later, as a widget does, has a cell's protection."""

import pytest

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


def send(notebook, comm: str, what: str):
    from Kernel.conftest import Outcome

    message = notebook.client.session.msg("comm_msg", {"comm_id": comm, "data": {"do": what}})
    notebook.client.shell_channel.send(message)
    return message["header"]["msg_id"], Outcome()


def idle(message) -> bool:
    return message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


def test_what_it_prints_belongs_to_its_message(opened):
    notebook, comm = opened
    sent = send(notebook, comm, "print")
    notebook.wait_for(sent, idle)
    assert sent[1].stdout == "heard\n"


def test_a_trap_costs_the_callback(opened):
    notebook, comm = opened
    sent = send(notebook, comm, "trap")
    notebook.wait_for(sent, idle)
    assert "Index out of range" in sent[1].error and "In[1], line 8" in sent[1].error
    again = send(notebook, comm, "print")
    notebook.wait_for(again, idle)
    assert again[1].stdout == "heard\n"
    assert notebook.run("kept").value == "42"


def test_an_interrupt_ends_it(opened):
    notebook, comm = opened
    sent = send(notebook, comm, "loop")
    notebook.wait_for(sent, lambda message: message["msg_type"] == "stream")
    notebook.interrupt()
    notebook.wait_for(sent, idle, timeout=5)
    assert "interrupted" in sent[1].error
    assert notebook.run("kept").value == "42"
