"""Opens nbgrader's formgrader on a class: JupyterLab's server, started where its settings lie."""

import os
import subprocess
import sys
from pathlib import Path


def formgrader_command(root: Path, *, browser: bool, port: int | None) -> list[str]:
    """The command; it has to run in the folder of the class's `nbgrader_config.py`."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    command += ["--LabApp.default_url=/formgrader"]  # ServerApp's would be overruled by /lab
    command += [] if browser else ["--no-browser"]
    command += [] if port is None else [f"--port={port}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container there is no other user
    return command


def start_formgrader(
    root: Path, folder: Path, database: str, *, browser: bool, port: int | None
) -> int:
    """Run the server on the gradebook `database` until it is stopped; its exit code."""
    programs = os.fspath(Path(sys.executable).parent)  # nbgrader calls programs from PATH
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "COURSE_DB": database}
    command = formgrader_command(root, browser=browser, port=port)
    process = subprocess.Popen(command, cwd=folder, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # It reached the server too, which shuts down.
            continue
