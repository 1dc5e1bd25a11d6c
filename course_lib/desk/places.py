"""Where things lie: the course, its notebooks, a workspace and what it remembers."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from course_lib.desk.errors import DeskError

HOME = Path(__file__).resolve().parents[2]  # the course that this library belongs to
DEFAULT = Path("~/policy-gradients")
STATE = ".course"
FOLDER = re.compile(r"\d\d_[a-z0-9_]+")
MARKER = "lessons.json"


@dataclass(frozen=True, order=True)
class Page:
    """One lesson's notebook, as 02_reinforce/reinforce.ipynb in the course and in a workspace."""

    name: str

    @property
    def file(self) -> str:
        """The notebook's name: the folder's without the number."""
        return f"{self.name.split('_', 1)[1]}.ipynb"

    def released(self, course: Path) -> Path:
        """What the course hands out."""
        return course / "notebooks" / self.name / self.file

    def mine(self, workspace: Path) -> Path:
        """What the student works in."""
        return workspace / self.name / self.file

    def base(self, workspace: Path) -> Path:
        """The version that the student's notebook was made from."""
        return workspace / STATE / "released" / self.name / self.file


def released_pages(course: Path) -> list[Page]:
    """The notebooks that the course hands out, in order."""
    return [page for page in pages_in(course / "notebooks") if page.released(course).exists()]


def pages_in(folder: Path) -> list[Page]:
    """The lessons that have a folder there, in order."""
    if not folder.is_dir():
        return []
    names = sorted(item.name for item in folder.iterdir() if item.is_dir())
    return [Page(name) for name in names if FOLDER.fullmatch(name)]


def lessons_in(workspace: Path) -> list[Page]:
    """The lessons of a workspace, in order; a folder of the student's own, as 02_old, is none."""
    pages = pages_in(workspace)
    return [one for one in pages if one.mine(workspace).exists() or one.base(workspace).exists()]


def find_pages(pages: list[Page], names: list[str]) -> list[Page]:
    """The lessons called 02_reinforce, reinforce, 02 or 2; all of them without names.

    Raises:
        DeskError: there is none of that name.
    """
    return [find_page(pages, name) for name in names] if names else pages


def find_page(pages: list[Page], name: str) -> Page:
    """The one lesson that a name stands for."""
    parts = Path(name).parts
    wanted = next((part for part in parts if FOLDER.fullmatch(part)), Path(name).stem)
    for page in pages:
        number, slug = page.name.split("_", 1)
        if wanted in (page.name, slug, number, number.lstrip("0") or "0"):
            return page
    known = ", ".join(page.name for page in pages) or "none yet"
    raise DeskError(f"There is no lesson called {name!r}. The lessons are: {known}.", 2)


def find_workspace(start: Path) -> Path | None:
    """The nearest folder above that is a workspace."""
    return next((one for one in (start, *start.parents) if (one / STATE / MARKER).exists()), None)


def require_workspace(folder: Path) -> Path:
    """The folder, if it is a workspace.

    Raises:
        DeskError: it is none.
    """
    if (folder / STATE / MARKER).exists():
        return folder
    raise DeskError(
        f"{folder} is not a workspace of the course. Make one with `{told('lab')}`, or name yours "
        "with --workspace DIR.",
        2,
    )


def told(command: str, workspace: Path | None = None) -> str:
    """A command as it is typed on this machine, in the folder of the course.

    A workspace that is not the usual one has to be named: nothing else says which is meant.
    """
    if workspace is not None and workspace.resolve() != DEFAULT.expanduser().resolve():
        command = f"{command} --workspace {quoted(workspace)}"
    if not (HOME / "start.py").exists():
        return f"course {command}"
    return f"python start.py {command}" if os.name == "nt" else f"python3 start.py {command}"


def quoted(path: Path) -> str:
    """A path as it is typed, whatever is in it."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))
