"""The first page of a workspace: what this is, how it works, where the student stands."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from course_lib.desk.errors import DeskError
from course_lib.desk.files import write_if_new
from course_lib.desk.outline import EXERCISE, QUESTION, load_outlines
from course_lib.desk.places import HOME, Page, told
from course_lib.desk.records import now
from course_lib.desk.standing import Standing, number, of, standings
from course_lib.desk.workspace import OFFERED, offer, state_of

MARK = "<!-- Made at each start. What you write here is lost. -->"
PAGE = """\
{mark}

# Policy gradients

You derive each method, check every step of the derivation with a number, write the functions
yourself, and watch *your* functions train an agent: here, without a network, in seconds.

**{begin}**

## How it works

1. Read from the top, and run each cell with Shift+Enter. Where it says *Predict*, guess first.
2. Write each function in its cell, run it, then run the cell below: it checks values and gradients,
   and names your mistake. Hints stand above the exercise; they open with a click.
3. Every check that you run is recorded in this folder. A restart of the kernel loses nothing.
4. `from course_lib import progress; progress()` shows in any lesson what is done in it.
5. Save (Ctrl+S), then hand a lesson in, here lesson 02: `{submit}`

## The lessons

Where you stood on {when}. Points are those of the checks; written questions are read by a
person.

| | lesson | time | exercises | questions | points | next |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

{remarks}## Where help is

- **A check fails:** read its message to the end; it shows what came out and what was wanted. Then
  the hints of the exercise, *I get …* among them.
- **A cell does not end:** *Kernel > Interrupt Kernel*.
- **A name is not defined:** after a restart the cells above have to run again: *Run > Run All Above
  Selected Cell*.
- **A cell of the lesson is damaged or gone:** `{repair}`
  puts it back and keeps your answers.
- **All over again:** rename the notebook, and start the course again: a fresh one appears.
- **Where you stand, on the terminal:** `{progress}`
{worked}
The commands are typed in the folder of the course, `{home}`.
"""


def write_welcome(course: Path, workspace: Path) -> Path:
    """Write the page; where it is. A page of that name that the student wrote is left alone."""
    text = welcome_text(course, workspace)
    page = next(page for page in places_for_it(workspace) if is_free(page))
    write_if_new(page, text)
    return page


def places_for_it(workspace: Path) -> Iterator[Path]:
    """Where the page may lie: each place only if the ones before are the student's."""
    yield workspace / "Welcome.md"
    yield workspace / "Welcome to the course.md"
    yield from (workspace / f"Welcome to the course {number}.md" for number in count(2))


def is_free(page: Path) -> bool:
    """Whether nothing is there, or nothing but an earlier one of these pages."""
    return not page.exists() or page.read_text(encoding="utf-8", errors="replace").startswith(MARK)


def welcome_text(course: Path, workspace: Path) -> str:
    """The page as Markdown."""
    try:
        found, remarks = standings(workspace), ""
    except DeskError as error:
        found = [Standing(outline, {}) for outline in load_outlines(workspace)]
        remarks = f"**Your progress is not shown.** {error}\n\n"
    worked = f"- **To read the worked course:** `{told('lab --worked', workspace)}`\n"
    return PAGE.format(
        mark=MARK,
        begin=begin(found),
        submit=told("submit 02", workspace),
        when=now()[:16].replace("T", ", "),
        rows="\n".join(map(row, found)),
        remarks=remarks + new_versions(course, workspace),
        repair=told("upgrade --force 02", workspace),
        progress=told("progress", workspace),
        worked=worked if (course / "solutions").is_dir() else "",
        home=HOME,
    )


def begin(found: list[Standing]) -> str:
    """Where to go now, with a link."""
    started = next((one for one in found if one.next), None)
    if started is None:
        return "You have been through every lesson here."
    is_fresh = started is found[0] and not started.points
    what = "Begin with" if is_fresh else f"Go on with {started.next.title} in"
    return f"{what} [lesson {started.outline.lesson[:2]}, {started.outline.title}]({link(started)})"


def row(standing: Standing) -> str:
    """One lesson of the table."""
    outline = standing.outline
    left = f"{standing.next.title}" if standing.next else "✓ done"
    cells = (
        outline.lesson[:2],
        f"[{outline.title}]({link(standing)})",
        outline.time,
        of(standing.done(EXERCISE)),
        of(standing.done(QUESTION)),
        f"{number(standing.points)} of {number(standing.possible)}",
        left,
    )
    return f"| {' | '.join(cells)} |"


def link(standing: Standing) -> str:
    """The lesson's notebook, from this page."""
    page = Page(standing.outline.lesson)
    return f"{page.name}/{page.file}"


def new_versions(course: Path, workspace: Path) -> str:
    """What can be taken over."""
    pages = [Page(one.lesson) for one in load_outlines(workspace)]
    offered = [
        page
        for page in pages
        if page.released(course).exists() and state_of(course, workspace, page) == OFFERED
    ]
    lines = [f"- {page.name}: there is a new version. {offer(page, workspace)}" for page in offered]
    return "\n".join(["## New versions", "", *lines, "", ""]) if lines else ""
