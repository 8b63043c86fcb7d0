"""What a cell shows arrives in order, and in the place it was meant for."""


def test_text_before_a_picture_arrives_before_it(notebook):
    notebook.run("import Lab")
    outcome = notebook.run('print("before")\ndisplay("middle")\nprint("after")')
    assert outcome.shape == ["stream", "display_data", "stream"]
    assert [part["text"].strip() for part in outcome.contents("stream")] == ["before", "after"]


def test_a_display_is_replaced_under_its_id(notebook):
    notebook.run('import Lab\nlet place = DisplayID()')
    shown = notebook.run('display(MimeBundle(text: "first"), id: place)').contents("display_data")
    updated = notebook.run('updateDisplay(MimeBundle(text: "second"), id: place)').contents("update_display_data")
    assert [content["data"]["text/plain"] for content in shown + updated] == ["first", "second"]
    assert shown[0]["transient"]["display_id"] == updated[0]["transient"]["display_id"]


def test_clearing_the_output_is_passed_on(notebook):
    notebook.run("import Lab")
    outcome = notebook.run('print("old")\nclearOutput(wait: true)\nprint("new")')
    assert outcome.shape == ["stream", "clear_output", "stream"]
    assert outcome.contents("clear_output") == [{"wait": True}]


def test_output_arrives_while_the_cell_runs(notebook):
    cell = notebook.start('print("first line")\nwhile true {}')
    message = notebook.wait_for(cell, lambda message: message["msg_type"] == "stream")
    assert message["content"]["text"] == "first line\n"
    notebook.interrupt()
    assert notebook.finish(cell).reply["status"] == "error"


def test_a_flood_of_pictures_is_cut_and_the_last_is_shown(notebook):
    outcome = notebook.run("""import Lab
        outputLimit = 100_000
        for n in 0..<1_000 { display(Table(["n"], rows: [["\\(n)"]])) }""")
    shown = [content["data"]["text/plain"].split()[-1] for content in outcome.contents("display_data")]
    numbers = list(map(int, shown))
    # Each counts for its own bytes and 1,000 more.
    assert numbers[:-1] == list(range(len(numbers) - 1)) and 50 < len(numbers) < 100 and numbers[-1] == 999
    said = "".join(part["text"] for part in outcome.contents("stream"))
    assert f"[{999 - len(numbers) + 1} displays are left out here.]" in said and "outputLimit = 1_000_000" in said
    # What replaces itself is no flood.
    outcome = notebook.run(
        'let id = DisplayID()\ndisplay("0", id: id)\nfor n in 1...300 { updateDisplay(String(repeating: "x", count: 1_000), id: id) }')
    assert len(outcome.contents("update_display_data")) == 300
