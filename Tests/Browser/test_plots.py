"""Plots in JupyterLab: drawn by the front end itself, with the values under the pointer."""

import nbformat

SOURCES = [
    'import Lab\nLinePlot([4.0, 2, 1], title: "three batches", x: "batch", left: "loss")',
    'Histogram([1.0, 2, 2, 3], bins: 3, x: "how many")',
]


def written(folder, sources):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources],
        metadata={"kernelspec": {"name": "swift-lab", "display_name": "Swift Lab", "language": "swift"}})
    nbformat.write(notebook, folder / "plots.ipynb")
    return "plots.ipynb"


def test_values_appear_under_the_pointer(lab, page, project):
    notebook = lab.open(page, written(lab.folder, SOURCES))
    notebook.wait_until_connected()
    notebook.choose("Run", "runmenu:run-all")
    notebook.wait_until_all_ran(timeout=120_000)
    folder = project / ".lab" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    # The middle of three batches, and the bar of the two 2s: the tooltip names the axes and gives the values.
    for number, (code, words) in enumerate([("LinePlot", ["batch", "1", "loss", "2"]), ("Histogram", ["how often", "2"])]):
        cell = notebook.cell(code)
        plot = cell.locator("svg.marks")
        plot.wait_for()
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        tooltip = page.locator("#vg-tooltip-element.visible")
        for step in range(20):
            page.mouse.move(box["x"] + box["width"] * 0.53 + step % 3, box["y"] + box["height"] * 0.7)
            try:
                tooltip.wait_for(timeout=1_000)
                break
            except Exception:  # the plot may still be taking its place
                box = plot.bounding_box()
        shown = tooltip.inner_text().split()
        assert all(word in " ".join(shown) for word in words), shown
        page.screenshot(path=folder / f"plot-{number}.png")
        page.mouse.move(2, 2)
        # No picture beside it: the PNG is for front ends that cannot draw.
        assert cell.locator(".jp-OutputArea img").count() == 0
