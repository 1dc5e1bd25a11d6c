"""What this machine is and has: system, Python, packages and their versions, a browser.

What its walls can hold is for `wall/doctor.py` to find out.
"""

import os
import platform
import re
import sys
import tomllib
import webbrowser
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

PACKAGE = "policy-gradients-course"
ROOT = Path(__file__).resolve().parents[1]
INSTALL = "pip install -c constraints.txt -e ."


@dataclass(frozen=True)
class Machine:
    """What was found; `other` are packages of a version that the course is not tested with."""

    system: str
    python: str
    user: str
    packages: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    other: dict[str, str] = field(default_factory=dict)
    browser: str = ""


def this_machine() -> Machine:
    """Look at everything; nothing is started and nothing asked of the network."""
    wanted = requirements()
    packages = {name: found for name in wanted if (found := version(name))}
    pins = pinned()
    return Machine(
        system=system(),
        python=platform.python_version(),
        user="root" if hasattr(os, "geteuid") and os.geteuid() == 0 else "an ordinary user",
        packages=packages,
        missing=tuple(name for name in wanted if name not in packages),
        other={
            name: f"{found}, tested with {' or '.join(pins[name])}"
            for name, found in packages.items()
            if name in pins and found.split("+")[0] not in pins[name]
        },
        browser=browser(),
    )


def system() -> str:
    """The system's name, as people call it, and its version."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return f"{platform.system()} {platform.release()}"


def requirements() -> list[str]:
    """The packages that the course needs; itself, if it is not installed."""
    project = ROOT / "pyproject.toml"
    try:
        wanted = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return [PACKAGE]
    if project.exists():  # It says what is needed now; the other, when it was installed.
        found = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        wanted = found["dependencies"]
    return [re.split(r"[^A-Za-z0-9._-]", one)[0] for one in wanted if "extra ==" not in one]


def version(name: str) -> str:
    """The version that is installed; empty if there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def pinned() -> dict[str, list[str]]:
    """The versions that are tested together; some depend on the version of Python."""
    found: dict[str, list[str]] = {}
    file = ROOT / "constraints.txt"
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        if match := re.match(r"([A-Za-z0-9._-]+)==([\w.]+)", line):
            found.setdefault(match[1].lower(), []).append(match[2])
    return found


def browser() -> str:
    """The browser in which JupyterLab would open; empty if there is none."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return ""
    return getattr(found, "name", "") or type(found).__name__


def in_words(found: Machine) -> list[str]:
    """The findings for a person, a line each, with what to do."""
    lines = [f"✗ Not installed: {name}" for name in found.missing]
    if found.missing:
        lines.append(f"  Install what is missing with: {INSTALL}")
    lines += [f"· {name} {told}" for name, told in found.other.items()]
    if found.other:
        lines.append(f"  Numbers may differ a little. The tested versions: {INSTALL}")
    if not found.missing:
        lines.append(f"✓ All {len(found.packages)} packages are installed.")
    if set("[]*?") & set(str(ROOT)):
        lines += [
            f"· nbgrader's own commands find nothing in {ROOT}: it takes [ ] * ? for patterns.",
            "  Put the course into a folder without them.",
        ]
    if not found.browser:
        lines += [
            "· No browser is known here: `course lab --no-browser` and `course formgrader",
            "  --no-browser` print the address instead of opening it.",
        ]
    return lines
