"""A student's own copies of the notebooks: new ones arrive, their work is never written over.

The folder `.course` in a workspace holds, for each notebook, the version that it was made from:
what differs from it is the student's.
"""

import stat
from pathlib import Path

from course_lib.desk.errors import DeskError, reason
from course_lib.desk.files import write_bytes_if_new, write_if_new
from course_lib.desk.merging import merge
from course_lib.desk.notebooks import parse, plain
from course_lib.desk.outline import write_outlines
from course_lib.desk.places import MARKER, STATE, Page, pages_in, released_pages, told

SETTLED, UPDATED, OFFERED = "settled", "updated", "offered"


def open_workspace(course: Path, workspace: Path) -> list[str]:
    """Put every notebook that is handed out into the workspace; what was done, where it matters.

    Raises:
        DeskError: the folder cannot be used, or nothing is handed out yet.
    """
    refuse_inside(course, workspace)
    pages = released_pages(course)
    if not pages:
        raise DeskError("There are no notebooks yet. Make them with: course build")
    try:
        if not (workspace / STATE / MARKER).exists():
            forget_wrong_bases(workspace, pages)
        messages = [message for page in pages if (message := put_page(course, workspace, page))]
        write_outlines(workspace)
    except OSError as error:
        raise DeskError(f"The workspace cannot be written: {reason(error)}.") from None
    return messages


def forget_wrong_bases(workspace: Path, pages: list[Page]) -> None:
    """Earlier editions of the course laid a new version beside the student's notebook, as
    slug.new.ipynb, and kept that one as the version; it is not the one that theirs was made from.
    """
    for page in pages:
        mine = page.mine(workspace)
        if mine.exists() and any(mine.parent.glob(f"{mine.stem}.new*.ipynb")):
            page.base(workspace).unlink(missing_ok=True)


def put_page(course: Path, workspace: Path, page: Page) -> str:
    """Put one notebook there, if the student has not worked in it; what was done."""
    state = state_of(course, workspace, page)
    mine, base = page.mine(workspace), page.base(workspace)
    released = page.released(course).read_bytes()
    if state == OFFERED:
        takes_over = offer(page, workspace)
        if not base.exists():  # a notebook from elsewhere: what it was made from is not known
            return f"{page.name}: {mine.name} was there before, and is not changed. {takes_over}"
        return f"{page.name}: there is a new version. {mine.name} is not changed. {takes_over}"
    was_there = mine.exists()
    if state == UPDATED:
        write_bytes_if_new(mine, released)
    write_bytes_if_new(base, released)
    if state == UPDATED and was_there:
        return f"{page.name}: updated to the new version; you had not changed it."
    return ""


def offer(page: Page, workspace: Path) -> str:
    """How to take a new version over."""
    command = told(f"upgrade {page.name[:2]}", workspace)
    return f"To take it over with all your answers: {command}"


def state_of(course: Path, workspace: Path, page: Page) -> str:
    """Whether a notebook is of the version handed out, can follow it, or holds older work."""
    released = page.released(course).read_bytes()
    mine, base = contents(page.mine(workspace)), contents(page.base(workspace))
    if mine is None:
        return UPDATED
    if mine == released or base == released:
        return SETTLED
    if mine == base:
        return UPDATED
    return SETTLED if is_of(mine, base, released, page.mine(workspace)) else OFFERED


def contents(path: Path) -> bytes | None:
    """A file's bytes; None if there is none."""
    return path.read_bytes() if path.exists() else None


def is_of(mine: bytes, base: bytes | None, released: bytes, path: Path) -> bool:
    """Whether a notebook is already the released one with answers in it."""
    try:
        before = parse(base, path) if base else None
        now = parse(mine, path)
        merged = merge(now, before, parse(released, path)).notebook
    except DeskError:
        return False
    return list(map(plain, merged["cells"])) == list(map(plain, now["cells"]))


def copy_worked(course: Path, workspace: Path) -> list[str]:
    """Put a read-only copy of the worked course into the workspace."""
    refuse_inside(course, workspace)
    pages = pages_in(course / "solutions")
    found = [page for page in pages if (course / "solutions" / page.name / page.file).exists()]
    if not found:
        raise DeskError("There is no worked course yet: course build")
    for page in found:
        copy = workspace / "worked" / page.name / page.file
        if copy.exists():
            copy.chmod(stat.S_IREAD | stat.S_IWRITE)  # Windows replaces no read-only file
        source = course / "solutions" / page.name / page.file
        write_if_new(copy, source.read_text(encoding="utf-8"))
        copy.chmod(stat.S_IREAD | stat.S_IRGRP | stat.S_IROTH)
    return [f"The worked course is in {workspace / 'worked'}, to read; changes are not saved."]


def refuse_inside(course: Path, workspace: Path) -> None:
    """The course's own folder stays clean."""
    if workspace == course or course in workspace.parents:
        raise DeskError(
            f"The workspace {workspace} lies inside the course. Choose a folder outside of "
            f"{course}.",
            2,
        )
    if workspace.exists() and not workspace.is_dir():
        raise DeskError(f"{workspace} is a file. Name a folder with --workspace.", 2)
