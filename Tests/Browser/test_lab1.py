"""Lab 1 in JupyterLab, as a participant runs it: from the menu, watching the loss fall."""

import base64
import io

import nbformat
from PIL import Image, ImageChops

# Notes every picture that is shown in the given cell's outputs, from the first on.
WATCH = """cell => {
    window.pictures = [];
    const look = () => {
        for (const image of cell.querySelectorAll('.jp-OutputArea img')) {
            if (image.src && !window.pictures.includes(image.src)) window.pictures.push(image.src);
        }
    };
    new MutationObserver(look).observe(cell, {subtree: true, childList: true, attributes: true, attributeFilter: ['src']});
    look();
}"""


def show(cell):
    """Scrolls a cell to where the eye is. (Outputs above it have grown since it was found.)"""
    cell.evaluate("cell => cell.scrollIntoView({block: 'center'})")


def shorten(path, identity):
    """Leaves a notebook's cells up to one: the experiments behind it are run in Tests/Notebook, and take their time. The
    training takes long enough to be watched, on a fast machine too."""
    notebook = nbformat.read(path, as_version=4)
    [last] = [index for index, cell in enumerate(notebook.cells) if cell.id == identity]
    del notebook.cells[last + 1:]
    [settings] = [cell for cell in notebook.cells if "settings.epochs = 10" in cell.source]
    settings.source = settings.source.replace("settings.epochs = 10", "settings.epochs = 60")
    nbformat.write(notebook, path)


def decoded(source: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(source.split(",", 1)[1]))).convert("RGB")


def test_the_loss_picture_changes_while_lab_1_trains(lab, page, project):
    shorten(lab.folder / "lab1-mnist.ipynb", "filters-code")
    notebook = lab.open(page, "lab1-mnist.ipynb")
    notebook.wait_until_connected()
    notebook.choose("Edit", "editmenu:clear-all")
    notebook.choose("Run", "runmenu:run-all")

    training = notebook.cell("try train(")
    training.evaluate(WATCH)
    # Three pictures while the cell still runs: the plot was drawn and then changed twice.
    page.wait_for_function("window.pictures.length >= 3", timeout=120_000)
    assert training.locator(".jp-InputPrompt").text_content() == "[*]:"
    folder = project / ".lab" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    show(training)
    page.screenshot(path=folder / "lab1-training.png")

    notebook.wait_until_all_ran(timeout=180_000)
    shown = page.evaluate("window.pictures")
    first, last = decoded(shown[0]), decoded(shown[-1])
    assert first.size == last.size
    assert ImageChops.difference(first, last).getbbox(), "the plot did not change"

    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]')
    assert errors.all_text_contents() == []
    assert notebook.prompts == [f"[{count}]:" for count in range(1, len(notebook.prompts) + 1)]
    show(training)
    page.screenshot(path=folder / "lab1.png")
    for code in ("run.evaluate(", "result.worst("):
        assert notebook.cell(code).locator(".jp-OutputArea img").count() == 1, code
