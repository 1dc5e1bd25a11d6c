"""What the commands `lab`, `progress`, `upgrade` and `submit` do, in both editions."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from course_lib.desk.errors import DeskError
from course_lib.desk.handing_in import write_hand_in
from course_lib.desk.lab import prepare_lab, start_lab
from course_lib.desk.missing import missing_in
from course_lib.desk.places import (
    DEFAULT,
    HOME,
    find_pages,
    find_workspace,
    lessons_in,
    released_pages,
    require_workspace,
)
from course_lib.desk.standing import standings
from course_lib.desk.upgrade import upgrade_all


def workspace_folder(named: Path | None) -> Path:
    """The folder that was named; else the workspace that one is in; else the usual one."""
    if named is not None:
        return named.expanduser().resolve()
    return find_workspace(Path.cwd()) or DEFAULT.expanduser().resolve()


def run_lab(
    workspace: Path | None = None,
    *,
    course: Path = HOME,
    worked: bool = False,
    browser: bool = True,
    port: int | None = None,
) -> int:
    """Open the course in JupyterLab; the exit code."""
    folder = (workspace or DEFAULT).expanduser().resolve()
    messages, page = prepare_lab(course, folder, worked=worked)
    for message in messages:
        print(message)
    print(f"Your notebooks are in {folder}. Stop JupyterLab with Ctrl-C.", flush=True)
    return start_lab(folder, page=page, worked=worked, browser=browser, port=port)


def run_progress(workspace: Path | None = None, *, as_json: bool = False) -> int:
    """Say what is done in each lesson; the exit code."""
    folder = require_workspace(workspace_folder(workspace))
    found = standings(folder)
    if as_json:
        print(json.dumps([one.as_json() for one in found], indent=2, ensure_ascii=False))
        return 0
    from course_lib.desk.table import print_table

    print_table(found, folder)
    return 0


def run_upgrade(
    lessons: Sequence[str] = (),
    workspace: Path | None = None,
    *,
    course: Path = HOME,
    force: bool = False,
) -> int:
    """Take new versions over; the exit code."""
    folder = require_workspace(workspace_folder(workspace))
    if force and not lessons:
        raise DeskError("--force needs a lesson: name the one whose cells are to be put back.", 2)
    pages = find_pages(released_pages(course), list(lessons))
    done = upgrade_all(course, folder, pages, force=force)
    for one in done:
        print("\n  ".join([f"{one.page.name}: {one.lines[0]}", *one.lines[1:]]))
    return 1 if any(one.failed for one in done) else 0


def run_submit(
    lesson: str, workspace: Path | None = None, *, yes: bool = False, as_zip: bool = False
) -> int:
    """Write the file to hand in, and say first what is missing; the exit code."""
    folder = require_workspace(workspace_folder(workspace))
    (page,) = find_pages(lessons_in(folder), [lesson])
    missing = missing_in(folder, page)
    for line in missing:
        print(f"- {line}")
    if missing and not yes and not agreed("Hand it in like this?"):
        print("Nothing was written. To hand it in all the same, add --yes.")
        return 1
    target, remark = write_hand_in(folder, page, as_zip=as_zip)
    for line in filter(None, [remark, f"{page.name}: hand in this file:", f"  {target}"]):
        print(line)
    return 0


def agreed(question: str) -> bool:
    """Ask, if somebody is there to answer."""
    if not sys.stdin or not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
