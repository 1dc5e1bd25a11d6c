"""Takes a new version of a lesson over, with the student's answers in it. The old one is kept."""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from course_lib.desk.errors import DeskError, reason
from course_lib.desk.files import keep_beside, write_bytes_if_new
from course_lib.desk.merging import Merged, merge
from course_lib.desk.missing import not_saved
from course_lib.desk.notebooks import Notebook, notebook_bytes, parse, read_notebook
from course_lib.desk.outline import read_outline, write_outlines
from course_lib.desk.places import Page, require_workspace
from course_lib.desk.records import load_records

BACKUPS = "backups"
RELOAD = "If it is open in JupyterLab, reload it there: File > Reload Notebook from Disk."


@dataclass(frozen=True)
class Upgraded:
    """What became of one lesson; `lines` are for the student, `changed` says if it was written."""

    page: Page
    lines: list[str]
    changed: bool = False
    failed: bool = False


def upgrade_all(
    course: Path, workspace: Path, pages: list[Page], *, force: bool = False
) -> list[Upgraded]:
    """Take the new versions of these lessons over; one that fails costs no other.

    Args:
        course: where the new versions are.
        workspace: where the student works.
        pages: the lessons.
        force: also where there is no new version: the lesson's own cells are put back.
    """
    require_workspace(workspace)
    done = []
    for page in pages:
        try:
            done.append(upgrade(course, workspace, page, force=force))
        except DeskError as error:
            done.append(Upgraded(page, [f"{error} Nothing was changed."], failed=True))
    with suppress(OSError):  # what happened is to be told; the next start writes it anew
        write_outlines(workspace)
    return done


def upgrade(course: Path, workspace: Path, page: Page, *, force: bool = False) -> Upgraded:
    """Take the new version of one lesson over.

    Raises:
        DeskError: a notebook cannot be read or written; nothing was changed.
    """
    mine, base = page.mine(workspace), page.base(workspace)
    try:
        released = page.released(course).read_bytes()
        if not mine.exists():
            write_bytes_if_new(mine, released)
            write_bytes_if_new(base, released)
            return Upgraded(page, ["there was no notebook; a fresh one is there now."], True)
        before = mine.read_bytes()
        is_newest = before == released or (base.exists() and base.read_bytes() == released)
    except OSError as error:
        raise DeskError(f"Cannot read or write {reason(error)}.") from None
    if is_newest and not force:
        return Upgraded(page, ["this is the newest version."])
    refuse_unsaved(workspace, page)
    merged = merge(parse(before, mine), readable(base), parse(released, page.released(course)))
    kept = replace_notebook(workspace, page, before, notebook_bytes(merged.notebook))
    return Upgraded(page, [*report(merged, kept), *remember(base, released)], True)


def refuse_unsaved(workspace: Path, page: Page) -> None:
    """Raise a DeskError if the open notebook holds work that the saved one does not.

    Reloading the new version in JupyterLab would throw it away.
    """
    try:
        records = load_records(workspace)
    except DeskError:
        return  # whether anything was checked is not known
    for remark in not_saved(page.mine(workspace), read_outline(workspace, page), records):
        raise DeskError(f"{remark} Then run this again.")


def remember(base: Path, released: bytes) -> list[str]:
    """Keep the version that a notebook is made from now; a remark if that fails."""
    try:
        write_bytes_if_new(base, released)
    except OSError as error:
        return [f"Run this once more: which version it is could not be kept, {reason(error)}."]
    return []


def readable(path: Path) -> Notebook | None:
    """The version that a notebook was made from, if it is known."""
    try:
        return read_notebook(path)
    except DeskError:
        return None


def replace_notebook(workspace: Path, page: Page, before: bytes, after: bytes) -> Path:
    """Write the new notebook once the old one is safe; where the old one is now.

    Raises:
        DeskError: it cannot be written, or was saved in the meantime.
    """
    mine = page.mine(workspace)
    if not os.access(mine, os.W_OK):
        raise DeskError(f"{mine} is read-only: allow writing to it, then try again.")
    name = f"{mine.stem}-{date.today().isoformat()}{mine.suffix}"
    backup: Path | None = None
    try:
        backup = keep_beside(workspace / BACKUPS / page.name / name, before)
        if backup.read_bytes() != before or mine.read_bytes() != before:
            raise DeskError(f"{mine} was saved at this very moment: run this again.")
        write_bytes_if_new(mine, after)
    except (OSError, DeskError) as error:
        if backup is not None and mine.exists() and mine.read_bytes() == before:
            backup.unlink(missing_ok=True)
        if isinstance(error, DeskError):
            raise
        raise DeskError(f"Cannot write {reason(error)}.") from None
    return backup


def report(merged: Merged, kept: Path) -> list[str]:
    """What happened, for the student."""
    lines = [f"taken over. {counted(len(merged.answers), 'answer')} of yours came along."]
    if merged.own:
        lines.append(f"{counted(merged.own, 'cell')} of your own stayed behind the same cells.")
    if merged.review:
        names = ", ".join(merged.review)
        lines.append(f"The task has changed, so read it again and run the check: {names}.")
    if merged.aside:
        lines.append("Not in its old place, but kept in a cell near it:")
        lines += [f"  - {one}" for one in merged.aside]
    return [*lines, f"The old notebook is {kept}.", RELOAD]


def counted(number: int, word: str) -> str:
    """As "3 answers"."""
    return f"{number or 'No'} {word}{'' if number == 1 else 's'}"
