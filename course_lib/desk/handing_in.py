"""The file to hand in: the saved notebook, under the name that the grader expects."""

import zipfile
from io import BytesIO
from pathlib import Path

from course_lib.desk.errors import DeskError, reason
from course_lib.desk.files import write_bytes_if_new
from course_lib.desk.notebooks import Notebook, notebook_bytes, parse
from course_lib.desk.places import Page

FOLDER = "hand-in"
MAX_BYTES = 50 * 2**20  # what the grader reads


def write_hand_in(workspace: Path, page: Page, *, as_zip: bool = False) -> tuple[Path, str]:
    """Write the file to hand in; where it is, and a remark if outputs had to be left out.

    Args:
        workspace: where the student works.
        page: the lesson.
        as_zip: in an archive that names the lesson, whatever a platform calls it.

    Raises:
        DeskError: the notebook cannot be read, or the file not be written.
    """
    mine = page.mine(workspace)
    try:
        data = mine.read_bytes()
        notebook, remark = parse(data, mine), ""
        if len(data) > MAX_BYTES:
            data = notebook_bytes(without_outputs(notebook))
            remark = f"Outputs were left out: with them it has over {MAX_BYTES >> 20} MiB."
        target = workspace / FOLDER / page.name / page.file
        if as_zip:
            target, data = target.parent.with_suffix(".zip"), zipped(page, data)
        write_bytes_if_new(target, data)
    except OSError as error:
        raise DeskError(f"Cannot read or write {reason(error)}.") from None
    return target, remark


def without_outputs(notebook: Notebook) -> Notebook:
    """The notebook with its text only."""
    cells = [
        {**cell, "outputs": []} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def zipped(page: Page, data: bytes) -> bytes:
    """An archive with the notebook in the lesson's folder."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{page.name}/{page.file}", data)
    return buffer.getvalue()
