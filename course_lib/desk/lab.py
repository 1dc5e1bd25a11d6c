"""JupyterLab on a workspace: on the welcome page, without news, without an instructor's menus."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from course_lib.desk.errors import DeskError, reason
from course_lib.desk.files import write_if_new
from course_lib.desk.places import STATE
from course_lib.desk.welcome import write_welcome
from course_lib.desk.workspace import copy_worked, open_workspace

OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}
# nbgrader's Validate runs a whole lesson, trainings included, to say what the checks say at once.
NOT_FOR_STUDENTS = (
    "assignment-list",
    "course-list",
    "create-assignment",
    "formgrader",
    "menu",
    "validate-assignment",
)


def prepare_lab(course: Path, workspace: Path, *, worked: bool) -> tuple[list[str], Path | None]:
    """Bring a workspace up to date; what was done, and the page to open.

    Raises:
        DeskError: the workspace cannot be used.
    """
    try:
        if worked:
            return copy_worked(course, workspace), None
        messages = open_workspace(course, workspace)
        return messages, write_welcome(course, workspace)
    except OSError as error:
        raise DeskError(f"The workspace cannot be written: {reason(error)}.") from None


def start_lab(
    workspace: Path, *, page: Path | None, worked: bool, browser: bool, port: int | None
) -> int:
    """Run JupyterLab until it is stopped; its exit code."""
    folder = workspace / "worked" if worked else workspace
    command = lab_command(folder, lab_settings(workspace), page, browser=browser, port=port)
    bin_folder = Path(sys.executable).parent  # nbgrader's menus call programs from PATH
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # it reached JupyterLab too, which asks and shuts down
            continue


def lab_command(
    folder: Path, settings: Path, page: Path | None, *, browser: bool, port: int | None
) -> list[str]:
    """What is run, and how."""
    command = [sys.executable, "-m", "jupyterlab", str(folder)]
    command += [f"--LabApp.app_settings_dir={settings}"]
    if page is not None:
        command += [f"--LabApp.default_url=/lab/tree/{quote(page.name)}"]
    command += [] if browser else ["--no-browser"]
    command += [] if port is None else [f"--port={port}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # JupyterLab would refuse; in a container there is no other
    return command


def lab_settings(workspace: Path) -> Path:
    """Settings for this workspace only."""
    folder = workspace / STATE / "lab-settings"
    disabled = {f"@jupyter/nbgrader:{name}": True for name in NOT_FOR_STUDENTS}
    page = {"disabledExtensions": disabled}
    write_if_new(folder / "overrides.json", json.dumps(OVERRIDES, indent=2))
    write_if_new(folder / "page_config.json", json.dumps(page, indent=2))
    return folder
