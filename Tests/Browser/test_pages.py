"""What depends on the page in JupyterLab: pictures on a dark one, and widgets that are pressed while a network learns."""

import base64
import io

import nbformat
from PIL import Image

GRID = """
import Lab
ImageGrid([Image(width: 8, height: 8) { $0.fill($0.bounds, .white) }], labels: ["white"])
"""

TRAINING = """
import Lab
let data = try Dataset.mnistSmall().split(training: 0.6, validation: 0.2, test: 0.2, seed: 7).normalized()
let settings = Hyperparameters(epochs: 100_000, learningRate: 0.01, snapshotInterval: 0)
let run = try train(Networks.leNet(), on: data, settings, controls: .live)
run.wasInterrupted
"""


def written(folder, source):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source)],
        metadata={"kernelspec": {"name": "swift-lab", "display_name": "Swift Lab", "language": "swift"}})
    nbformat.write(notebook, folder / "page.ipynb")
    return "page.ipynb"


def shot(page, project, name):
    folder = project / ".lab" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def corner(cell) -> tuple[int, int, int]:
    """The colour in a corner of the picture under a cell."""
    source = cell.locator(".jp-OutputArea img").get_attribute("src")
    picture = Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGB")
    return picture.getpixel((2, 2))


def test_pictures_are_dark_on_a_dark_page(lab, page, tmp_path, project):
    notebook = lab.open(page, written(lab.folder, GRID))
    notebook.wait_until_connected()
    notebook.choose("Run", "runmenu:run-all")
    notebook.wait_until_all_ran(timeout=120_000)
    assert corner(notebook.cell("ImageGrid")) == (255, 255, 255)
    # The user chooses another theme, in the menu, while the kernel runs; JupyterLab keeps that in a file.
    page.locator(".lm-MenuBar-item", has_text="Settings").click()
    page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    page.locator(".lm-Menu-item", has_text="JupyterLab Dark").first.click()
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    settings = tmp_path / "config/lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
    for _ in range(100):
        if settings.exists() and "Dark" in settings.read_text():
            break
        page.wait_for_timeout(100)
    notebook.choose("Run", "runmenu:run-all")
    notebook.wait_until_all_ran(timeout=120_000)
    shot(page, project, "dark")
    assert corner(notebook.cell("ImageGrid")) == (17, 17, 17)


def test_controls_act_while_a_network_learns(lab, page, project):
    notebook = lab.open(page, written(lab.folder, TRAINING))
    notebook.wait_until_connected()
    notebook.choose("Run", "runmenu:run-all")
    cell = notebook.cell("import Lab")
    cell.locator(".jp-OutputArea img").wait_for(timeout=120_000)
    pause = cell.get_by_role("button", name="pause")
    pause.wait_for()
    shot(page, project, "controls")
    pause.click()
    cell.locator("button.mod-active", has_text="go on").wait_for()
    cell.get_by_text("paused in epoch").wait_for()
    shot(page, project, "paused")
    # 100,000 epochs would take a day.
    cell.get_by_role("button", name="stop").click()
    notebook.wait_until_all_ran(timeout=60_000)
    assert "true" in cell.locator(".jp-OutputArea-executeResult").inner_text()
    # In their place stands a line, which a notebook that is opened again shows, too.
    cell.get_by_text("the learning rate was not turned by hand").wait_for()
    assert cell.get_by_role("button", name="stop").count() == 0
