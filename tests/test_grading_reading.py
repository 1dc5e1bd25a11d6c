"""Reading students' notebooks: every kind of broken file is told apart, none raises otherwise."""

import json
import os

import nbformat
import pytest

from autograde.grading import reading
from autograde.grading.reading import Unreadable, read_cells

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "one",
            "metadata": {"nbgrader": {"grade_id": "answer"}, "tags": ["experiment"]},
            "source": ["x = 1\n", "y = 'π'"],
            "outputs": [],
            "execution_count": None,
        },
        {"cell_type": "markdown", "metadata": {}, "source": "prose"},
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def read(tmp_path, data):
    """The cells and the codes of the notes of a file with these bytes."""
    path = tmp_path / "small.ipynb"
    path.write_bytes(data)
    cells, notes = read_cells(path)
    return cells, [note.code for note in notes]


def refusal(tmp_path, data):
    """Why a file with these bytes is refused."""
    with pytest.raises(Unreadable) as caught:
        read(tmp_path, data)
    return str(caught.value)


def test_a_cell_keeps_its_text_kind_name_and_tags(tmp_path):
    cells, notes = read(tmp_path, json.dumps(NOTEBOOK).encode())
    assert notes == []
    assert (cells[0].kind, cells[0].source) == ("code", "x = 1\ny = 'π'")
    assert (cells[0].grade_id, cells[0].cell_id) == ("answer", "one")
    assert cells[0].tags == ("experiment",)
    assert (cells[1].kind, cells[1].source, cells[1].grade_id) == ("markdown", "prose", "")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_other_encodings_are_read_with_a_note(tmp_path, encoding):
    cells, notes = read(tmp_path, json.dumps(NOTEBOOK, ensure_ascii=False).encode(encoding))
    assert cells[0].source == "x = 1\ny = 'π'"
    assert notes == ["encoding"]


def test_windows_line_ends_become_plain_ones(tmp_path):
    cells, _ = read(tmp_path, json.dumps({"cells": [cell("a = 1\r\nb = 2\rc")]}).encode())
    assert cells[0].source == "a = 1\nb = 2\nc"


def cell(source, **more):
    """A raw code cell."""
    return {"cell_type": "code", "metadata": {}, "source": source, **more}


def test_a_truncated_file_says_where_it_ends(tmp_path):
    text = json.dumps(NOTEBOOK, indent=1)
    assert "broken JSON" in refusal(tmp_path, text[:40].encode())
    assert "it ends too early (line 1, column 12)" in refusal(tmp_path, b'{"cells": [')


@pytest.mark.parametrize("data", [b"", b"  \n"])
def test_an_empty_file_is_called_empty(tmp_path, data):
    assert refusal(tmp_path, data) == "is empty"


@pytest.mark.parametrize("data", [b"[]", b"3", b"{}", b'{"cells": 3}', b'{"worksheets": [7]}'])
def test_json_that_is_no_notebook_is_refused(tmp_path, data):
    assert "not a notebook" in refusal(tmp_path, data)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    assert "is not text" in refusal(tmp_path, b"\x89PNG\r\n\x1a\n\xff\xff")


def test_nesting_that_would_overflow_the_stack_is_refused(tmp_path):
    assert "nested too deeply" in refusal(tmp_path, b"[" * 200_000)


def test_damaged_cells_are_left_out_and_counted(tmp_path):
    cells = [3, {"cell_type": "alien", "source": "x"}, cell({"no": "text"}), cell("kept")]
    found, notes = read(tmp_path, json.dumps({"cells": cells}).encode())
    assert [one.source for one in found] == ["kept"]
    assert notes == ["odd-cells"]


def test_metadata_of_the_wrong_type_is_ignored(tmp_path):
    odd = cell("kept", id=7)
    odd["metadata"] = {"nbgrader": ["grade_id"], "tags": "experiment"}
    found, _ = read(tmp_path, json.dumps({"cells": [odd]}).encode())
    assert (found[0].grade_id, found[0].cell_id, found[0].tags) == ("", "", ())


def test_lone_surrogates_and_nulls_cannot_reach_a_file(tmp_path):
    data = b'{"cells": [{"cell_type": "code", "metadata": {}, "source": "a\\ud800b\\u0000"}]}'
    found, _ = read(tmp_path, data)
    assert found[0].source == "a?b"


def test_a_notebook_of_format_3_is_converted_with_a_note(tmp_path):
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": ["x = 1"],
                        "language": "python",
                        "metadata": {"nbgrader": {"grade_id": "answer"}},
                        "outputs": [],
                    }
                ],
            }
        ],
    }
    found, notes = read(tmp_path, json.dumps(old).encode())
    assert [(one.source, one.grade_id) for one in found] == [("x = 1", "answer")]
    assert notes == ["old-format"]


def test_a_symbolic_link_is_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text(json.dumps(NOTEBOOK))
    link = tmp_path / "link.ipynb"
    link.symlink_to(secret)
    with pytest.raises(Unreadable, match="symbolic link"):
        read_cells(link)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_hang_the_reader(tmp_path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    with pytest.raises(Unreadable, match="is not a file"):
        read_cells(tmp_path / "pipe.ipynb")


def test_a_huge_file_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 2**20)
    assert "has 2 MiB; notebooks up to 1 are read" in refusal(tmp_path, b" " * 2**21)


def test_a_missing_file_is_a_refusal_not_an_error(tmp_path):
    with pytest.raises(Unreadable, match="cannot be read"):
        read_cells(tmp_path / "nothing.ipynb")


def test_only_so_many_cells_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_CELLS", 2)
    found, notes = read(tmp_path, json.dumps({"cells": [cell("a"), cell("b"), cell("c")]}).encode())
    assert [one.source for one in found] == ["a", "b"]
    assert notes == ["many-cells"]


def test_cells_beyond_so_many_characters_are_left_out_with_a_note(monkeypatch):
    monkeypatch.setattr(reading, "MAX_TEXT", 10)
    cells = [nbformat.v4.new_code_cell("x" * 6) for _ in range(3)]
    text = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    kept, notes = reading.cells_in(text.encode(), "small.ipynb")
    assert len(kept) == 1 and [note.code for note in notes] == ["many-cells"] and notes[0].problem
