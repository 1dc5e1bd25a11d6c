"""`course lab`: a reader's own copies of the notebooks, and JupyterLab on them.

The folder `.course` in a workspace remembers which version of each notebook was handed out, so
that a new version replaces only what the reader has not touched.
"""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from autograde.building.worked import write_if_new
from autograde.errors import CourseError
from autograde.lesson import Lesson, all_lessons

STATE = ".course"
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}
INSTRUCTOR_MENUS = ("assignment-list", "course-list", "create-assignment", "formgrader", "menu")


def copy_notebooks(root: Path, workspace: Path) -> list[str]:
    """Put every released notebook into the workspace; what was done, where it needs saying."""
    refuse_inside(root, workspace)
    lessons = [lesson for lesson in all_lessons(root) if lesson.student.exists()]
    if not lessons:
        raise CourseError("There are no notebooks yet. Make them with: course build", exit_code=1)
    return [message for lesson in lessons if (message := copy_notebook(lesson, workspace))]


def copy_notebook(lesson: Lesson, workspace: Path) -> str:
    """Copy one notebook; a reader's own work is never written over."""
    released = lesson.student.read_text(encoding="utf-8")
    mine = workspace / lesson.name / lesson.student.name
    memory = workspace / STATE / "released" / lesson.name / lesson.student.name
    before = memory.read_text(encoding="utf-8") if memory.exists() else None
    current = mine.read_text(encoding="utf-8") if mine.exists() else None
    message = ""
    if current is None or current == before:
        write_if_new(mine, released)
        if current not in (None, released):
            message = f"{lesson.name}: updated to the new version; you had not changed it."
    elif before != released and current != released:
        beside = free_place(mine, before, released)
        write_if_new(beside, released)
        message = (
            f"{lesson.name}: there is a new version. Your work in {mine.name} is untouched; "
            f"the new one is beside it as {beside.name}."
        )
    write_if_new(memory, released)
    return message


def free_place(mine: Path, before: str | None, released: str) -> Path:
    """slug.new.ipynb, or with a number if the reader works in that one already."""
    number = 1
    while True:
        suffix = ".new" if number == 1 else f".new-{number}"
        place = mine.with_name(f"{mine.stem}{suffix}.ipynb")
        if not place.exists() or place.read_text(encoding="utf-8") in (before, released):
            return place
        number += 1


def copy_worked(root: Path, workspace: Path) -> list[str]:
    """Put a read-only copy of the worked course into the workspace."""
    refuse_inside(root, workspace)
    lessons = [lesson for lesson in all_lessons(root) if lesson.worked.exists()]
    if not lessons:
        raise CourseError("There is no worked course yet: course build", exit_code=1)
    for lesson in lessons:
        copy = workspace / "worked" / lesson.name / lesson.worked.name
        if copy.exists():
            copy.chmod(stat.S_IREAD | stat.S_IWRITE)  # Windows replaces no read-only file
        write_if_new(copy, lesson.worked.read_text(encoding="utf-8"))
        copy.chmod(stat.S_IREAD | stat.S_IRGRP | stat.S_IROTH)
    return [f"The worked course is in {workspace / 'worked'}, to read; changes are not saved."]


def refuse_inside(root: Path, workspace: Path) -> None:
    """The course's own folder stays clean."""
    if workspace == root or root in workspace.parents:
        raise CourseError(
            f"The workspace {workspace} lies inside the course. Choose a folder outside of {root}."
        )


def start_lab(workspace: Path, *, worked: bool, browser: bool, port: int | None) -> int:
    """Run JupyterLab until it is stopped; its exit code."""
    settings = lab_settings(workspace)
    folder = workspace / "worked" if worked else workspace
    command = [sys.executable, "-m", "jupyterlab", str(folder)]
    command += [f"--LabApp.app_settings_dir={settings}"]
    command += [] if browser else ["--no-browser"]
    command += [] if port is None else [f"--port={port}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # JupyterLab would refuse; in a container there is no other
    bin_folder = Path(sys.executable).parent  # nbgrader's menus call programs from PATH
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # it reached JupyterLab too, which asks and shuts down
            continue


def lab_settings(workspace: Path) -> Path:
    """Settings for this workspace only: no news pop-up, no instructor's menus."""
    folder = workspace / STATE / "lab-settings"
    disabled = {f"@jupyter/nbgrader:{name}": True for name in INSTRUCTOR_MENUS}
    page = {"disabledExtensions": disabled}
    write_if_new(folder / "overrides.json", json.dumps(OVERRIDES, indent=2))
    write_if_new(folder / "page_config.json", json.dumps(page, indent=2))
    return folder
