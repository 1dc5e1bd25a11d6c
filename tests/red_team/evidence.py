"""What a graded class of attackers has left behind: in records, in pages, on the machine."""

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter

from autograde.grading.records import Record
from tests.red_team.course import FIRST
from tests.red_team.submission import Submission

ALLOWED_LINKS = ("http:", "https:", "mailto:", "#")
ACTS = {"script", "iframe", "object", "embed", "form", "base", "svg", "link", "applet", "audio"}
HEADER = ("family", "submissions", "forged points", "leaks", "escapes", "submissions lost")


@dataclass
class Aftermath:
    """The records of a class by student, its pages, and what was found outside.

    `by_hand` is what formgrader shows of those whose text wants to act.
    """

    records: dict[str, Record]
    pages: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    by_hand: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    report: str = ""
    csv: str = ""
    secret: str = ""
    again: int = 0
    scratches: list[str] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)

    def earned(self, one: Submission) -> dict[str, float]:
        """Points by exercise, those without points and those graded by hand left out."""
        scores = self.records[one.name].scores
        return {score.exercise: score.points for score in scores if score.points}

    def notes(self, one: Submission) -> str:
        """All that was noted on a submission."""
        return " ".join(note.text for note in self.records[one.name].notes)

    def got_out(self, one: Submission) -> bool:
        """Whether an attempt says that it got through, or did not come to its end."""
        return bool(one.attempt) and "THROUGH" in self.outputs[one.name]

    def table(self, submissions: Sequence[Submission]) -> str:
        """What the README shows, in Markdown."""
        families = list(dict.fromkeys(one.family for one in submissions))
        rows = [self.row(name, [s for s in submissions if s.family == name]) for name in families]
        total = ["all", *(sum(row[place] for row in rows) for place in range(1, len(HEADER)))]
        lines = [HEADER, ["---"] * len(HEADER), *rows, total]
        return "\n".join(f"| {' | '.join(map(shown, line))} |" for line in lines)

    def row(self, family: str, members: Sequence[Submission]) -> list[str | float]:
        """One family's line."""
        forged = sum(self.difference(one, above=True) for one in members)
        lost = sum(self.difference(one, above=False) > 0 for one in members)
        out = [one for one in members if self.got_out(one)]
        leaks = [one for one in out if family == "reading"]
        shown_secrets = sum(self.secret in self.pages[one.name] for one in members)
        escapes = len(out) - len(leaks)
        if family == "escaping":
            escapes += len(self.survivors) + len(self.written) + len(self.heard)
        return [family, len(members), forged, len(leaks) + shown_secrets, escapes, lost]

    def difference(self, one: Submission, *, above: bool) -> float:
        """Points above or below what the honest part is worth."""
        earned, sign = self.earned(one), 1 if above else -1
        names = {*earned, *one.points}
        gaps = (sign * (earned.get(name, 0) - one.points.get(name, 0)) for name in names)
        return sum(gap for gap in gaps if gap > 0)


def shown(value: object) -> str:
    """A cell of the table."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def first_output(path: Path) -> str:
    """What the student's own first cell shows in the graded notebook."""
    if not path.exists():
        return ""
    cells = nbformat.read(path, as_version=4).cells
    found = [one for one in cells if one["id"].startswith(("own", FIRST)) and "outputs" in one]
    return "".join(str(one.outputs) for one in found[:1])


def as_formgrader_shows(path: Path, exporter: HTMLExporter) -> str:
    """The cells of a graded notebook, as the pages for grading by hand show them."""
    with warnings.catch_warnings(action="ignore"):  # An output of no kind that is shown.
        page, _ = exporter.from_filename(os.fspath(path))
    return str(BeautifulSoup(page, "html.parser").body)


def processes_of(folders: Sequence[str]) -> list[str]:
    """Processes whose command line names one of these folders."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                line = Path(entry.path, "cmdline").read_text(errors="replace")
            except OSError:
                continue
            found += [entry.name for folder in folders if folder in line]
    return found


def dangers(page: str) -> Iterator[str]:
    """Everything on a page that could act, call home or lead elsewhere than to the web."""
    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.find_all(True):
        if tag.name in ACTS and not (tag.name == "link" and tag.get("rel") == ["icon"]):
            yield f"<{tag.name}>"
        yield from filter(None, (danger(tag.name, *pair) for pair in tag.attrs.items()))


def danger(tag: str, name: str, value: str | list[str]) -> str:
    """What is wrong with an attribute; empty if nothing is."""
    text = value if isinstance(value, str) else " ".join(value)
    plain = re.sub(r"[\x00-\x20]", "", text).lower()
    leads = name in ("href", "xlink:href", "action") and ":" in plain.split("/")[0]
    if name.startswith("on") or name in ("srcdoc", "formaction", "background"):
        return f"{tag} {name}"
    if name == "http-equiv" and plain != "content-security-policy":
        return f"{tag} {name}={plain}"
    if leads and not plain.startswith(ALLOWED_LINKS):
        return f"{name}={text[:40]}"
    if name == "src" and not plain.startswith(("data:image/png", "data:image/jpeg")):
        return f"src={text[:40]}"
    return ""
