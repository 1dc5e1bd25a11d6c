"""Figures in a real kernel: what an executed notebook holds, and what HTML makes of it."""

import io
import os
from base64 import b64decode
from pathlib import Path

import nbclient
import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from PIL import Image

CELLS = {
    "setup": """
import torch
from course_lib.figures import *
from course_lib.runs import RUNS
use_style()
torch.set_num_threads(1)
""",
    "figure": """
figure, axes = new_figure()
axes.plot([1, 2, 3])
show(figure, alt="A line that rises.")
""",
    "train": """
history = train(RUNS["a2c-cartpole"].start(0), run="a2c-cartpole", max_steps=12_000)
""",
    "agent": 'show_agent(history.policy, "CartPole-v1")',
    "slider": """
slider(lambda axes, slope: axes.plot([0, slope]), alt="Steeper and steeper.", slope=[1, 2, 3])
""",
    "stub": """
def loss(*inputs):
    # YOUR CODE HERE
    raise NotImplementedError()

train(RUNS["reinforce-cartpole"].start(0, loss=loss), run="reinforce-cartpole")
""",
}
ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook():
    """The cells, executed."""
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=120, allow_errors=True, store_widget_state=False
    )
    environment = {"PYTHONPATH": str(ROOT), "COURSE_STATIC": ""}
    client.execute(env=dict(os.environ) | environment)
    return notebook


@pytest.fixture(scope="module")
def outputs(notebook):
    """The outputs of each cell by its name."""
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def picture(output) -> Image.Image:
    return Image.open(io.BytesIO(b64decode(output.data["image/png"])))


def test_nothing_is_written_to_the_streams(outputs):
    streams = [one for cell in outputs.values() for one in cell if one.output_type == "stream"]
    assert not streams


def test_a_figure_is_one_output_with_its_words(outputs):
    (output,) = outputs["figure"]
    assert output.data["text/plain"] == "A line that rises."
    assert output.metadata["image/png"]["alt"] == "A line that rises."


def test_a_training_leaves_one_line_and_one_picture(outputs):
    line, curve = outputs["train"]
    assert "s of training" in line.data["text/plain"] and set(line.data) == {"text/plain"}
    assert picture(curve).format == "PNG"
    assert curve.data["text/plain"].startswith("Learning curve. a2c-cartpole: the mean return is")


def test_an_agent_moves_and_is_small(outputs):
    (output,) = outputs["agent"]
    assert picture(output).n_frames > 10
    assert len(b64decode(output.data["image/png"])) < 100_000


def test_a_slider_says_in_words_that_it_needs_a_kernel_and_has_a_static_picture(outputs):
    widget, static = outputs["slider"]
    assert widget.data["text/plain"] == "Sliders appear here while the notebook runs."
    assert static.data["text/plain"] == "Steeper and steeper." and picture(static).width > 600


def test_a_stub_is_named_in_one_line(outputs):
    error = outputs["stub"][-1]
    assert error.ename == "NotImplementedError" and len(error.traceback) == 1
    assert error.traceback[0].startswith("✗ loss is not written yet")


def test_every_picture_in_the_html_page_has_its_words(notebook):
    page, _ = HTMLExporter().from_notebook_node(notebook)
    images = BeautifulSoup(page, "html.parser").find_all("img")
    words = [image["alt"] for image in images]
    assert len(images) == 4 and "A line that rises." in words
    assert not any("No description" in alt for alt in words)
