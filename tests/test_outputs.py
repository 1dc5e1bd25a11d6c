"""What is taken out of a worked notebook's outputs, and what stays."""

import sys
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograde.building.outputs import clean_outputs

ROOT = Path("/somewhere/course")
WIDGET = "application/vnd.jupyter.widget-view+json"
BAR = "100%|██████████| 10/10 [00:01<00:00,  9.87it/s]"


def cleaned(*outputs: nbformat.NotebookNode) -> tuple[list, list[str]]:
    cell = new_code_cell("x", outputs=list(outputs), execution_count=57)
    notebook = new_notebook(cells=[cell])
    remarks = clean_outputs(notebook, ROOT)
    return notebook.cells[0].outputs, remarks


def display(**data: str) -> nbformat.NotebookNode:
    return new_output("display_data", data={k.replace("_", "/", 1): v for k, v in data.items()})


def test_pictures_stay_with_their_metadata():
    picture = new_output("display_data", data={"image/png": "AAAA", "text/plain": "<Figure>"})
    picture.metadata = nbformat.from_dict({"image/png": {"alt": "a curve"}})
    before = nbformat.from_dict(picture)
    assert cleaned(picture)[0] == [before]


def test_stderr_goes_but_is_reported():
    outputs, remarks = cleaned(new_output("stream", name="stderr", text="w.py:3: Careful: nan\n"))
    assert outputs == []
    assert len(remarks) == 1
    assert "w.py:3: Careful: nan" in remarks[0]


def test_a_progress_bar_on_stderr_goes_without_a_word():
    assert cleaned(new_output("stream", name="stderr", text=f"\r{BAR}\n")) == ([], [])


def test_a_warning_beside_a_progress_bar_is_still_reported():
    text = f"Careful: nan\n{BAR}\n"
    _, remarks = cleaned(new_output("stream", name="stderr", text=text))
    assert len(remarks) == 1
    assert "Careful: nan" in remarks[0]


def test_a_progress_bar_made_of_widgets_goes():
    bar = new_output("display_data", data={WIDGET: {"model_id": "f00"}, "text/plain": BAR})
    assert cleaned(bar)[0] == []


def test_a_widget_leaves_its_static_picture():
    data = {WIDGET: {"model_id": "f00"}, "text/plain": "interactive(...)", "image/png": "AAAA"}
    outputs, _ = cleaned(new_output("display_data", data=data))
    assert outputs[0].data == {"text/plain": "interactive(...)", "image/png": "AAAA"}


def test_a_widget_without_anything_else_leaves_nothing():
    assert cleaned(new_output("display_data", data={WIDGET: {"model_id": "f00"}}))[0] == []


def test_memory_addresses_go():
    outputs, _ = cleaned(display(text_plain="<function square at 0x7f3a2b4c5d60>"))
    assert outputs[0].data["text/plain"] == "<function square>"


def test_folders_of_this_machine_go_from_text_and_errors():
    text = f"{ROOT}/course_lib/a.py and {sys.prefix}/lib/b.py and {Path.home()}/c.py"
    stream = new_output("stream", name="stdout", text=text)
    error = new_output("error", ename="E", evalue=text, traceback=["/tmp/ipykernel_7/123.py", text])
    outputs, _ = cleaned(stream, error)
    short = "course_lib/a.py and lib/b.py and ~/c.py"
    assert outputs[0].text == short
    assert outputs[1].evalue == short
    assert outputs[1].traceback == ["cell.py", short]


def test_a_home_folder_at_the_root_cuts_no_address_in_two(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    monkeypatch.setenv("USERPROFILE", "/")
    outputs, _ = cleaned(display(text_html="https://example.org/a//b"))
    assert outputs[0].data["text/html"] == "https://example.org/a//b"


def test_a_large_picture_in_html_is_cleaned_quickly():
    picture = "A" * 2_000_000
    start = time.process_time()
    outputs, _ = cleaned(display(text_html=f'<img src="data:image/png;base64,{picture}">'))
    assert time.process_time() - start < 1
    assert picture in outputs[0].data["text/html"]


def test_ordinary_text_is_left_alone():
    text = "50% | of 3/4 [of] the returns at 0x10\n"
    outputs, _ = cleaned(new_output("stream", name="stdout", text=text))
    assert outputs[0].text == text


def test_cells_are_counted_from_one():
    cells = [new_code_cell(str(i), execution_count=9 + i) for i in range(2)]
    cells[1].outputs = [new_output("execute_result", data={"text/plain": "1"}, execution_count=10)]
    notebook = new_notebook(cells=cells)
    clean_outputs(notebook, ROOT)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert notebook.cells[1].outputs[0].execution_count == 2
