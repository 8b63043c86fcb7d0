"""`readLine` asks the user, in the notebook."""

import pytest


@pytest.mark.parametrize(
    "call, prompt, is_password",
    [("readLine()", "", False), ('readLine(prompt: "Name: ")', "Name: ", False), ("readPassword()", "Password: ", True)],
    ids=["plain", "prompt", "password"])
def test_a_cell_asks_and_gets_the_line(notebook, call, prompt, is_password):
    running = notebook.client.execute(f"let answer = {call}\nanswer", allow_stdin=True)
    request = notebook.client.get_stdin_msg(timeout=20)
    assert request["parent_header"]["msg_id"] == running
    assert request["content"] == {"prompt": prompt, "password": is_password}
    notebook.client.input("Grüße 🙂")
    assert notebook.reply(running)["status"] == "ok"
    assert notebook.run("answer!").value == '"Grüße 🙂"'


def test_where_nobody_can_be_asked_there_is_no_line(notebook):
    identity = notebook.client.execute("let answer = readLine()\nanswer", allow_stdin=False)
    assert notebook.reply(identity)["status"] == "ok"
    assert notebook.run("answer == nil").value == "true"
