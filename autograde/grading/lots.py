"""What a class draws by lot once and keeps: the seed of fresh episodes, the key of pseudonyms.

Agents are judged in episodes that nobody can prepare for, and grading twice has to give the same
grades. So the seed comes from the system's entropy when a class is first graded, the same for all
of its students, and stays in a file beside the records. Behind the walls no worker sees that file
or the seed, only what its agent observes; and a check says nothing of what an agent raised or
printed in those episodes. `course grade --fresh-episodes` draws another seed, for instance for a
second deadline; the submissions with agents are then graded again.
"""

import contextlib
import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nbformat import NotebookNode

from autograde.building.lint import check_calls
from autograde.building.worked import write_if_new
from autograde.errors import CourseError
from autograde.grading.choosing import is_check
from autograde.grading.notes import Note
from course_lib.checks.agent_tasks import AGENT_TASKS, Trial

ADJECTIVES = (
    "Agile Amber Bold Brave Bright Calm Clever Coral Curious Eager Early Fair Fleet Gentle Glad "
    "Golden Green Happy Honest Humble Ivory Jolly Keen Kind Light Lively Loyal Lucky Merry "
    "Mighty Modest Nimble Noble Patient Placid Polite Proud Quick Quiet Ruby Sage Silver Smart "
    "Steady Sunny Swift Tidy Violet Warm Wise"
)
ANIMALS = (
    "Albatross Badger Beaver Bison Crane Curlew Dolphin Eagle Egret Elk Falcon Ferret Finch Gecko "
    "Gibbon Hare Hedgehog Heron Hoopoe Ibex Jackdaw Kestrel Kingfisher Koala Lark Lemur Lynx "
    "Marten Newt Ocelot Octopus Okapi Osprey Otter Owl Panda Pelican Penguin Puffin Quail Raven "
    "Robin Salmon Seal Stork Swallow Tapir Tern Turtle Wombat"
)


@dataclass(frozen=True)
class Lots:
    """What was drawn: `episodes` for the first states, `names` for the pseudonyms."""

    episodes: int
    names: str

    @classmethod
    def drawn(cls) -> "Lots":
        """From the system's entropy."""
        return cls(secrets.randbits(64), secrets.token_hex(16))


def class_lots(state: Path, *, anew: bool = False) -> Lots:
    """The lots of the class whose records are in `state`; they are drawn if there are none yet.

    Args:
        state: the class's folder of records.
        anew: draw other episodes; the pseudonyms stay.

    Raises:
        CourseError: the file is not what was written there.
    """
    path = state / "lots.json"
    if not path.exists():
        return kept(path, Lots.drawn())
    try:
        lots = Lots(**json.loads(path.read_text(encoding="utf-8")))
        if type(lots.episodes) is not int or type(lots.names) is not str or lots.episodes < 0:
            raise ValueError
    except (ValueError, TypeError):
        raise CourseError(
            f"{path} is damaged: it holds the seed of the episodes in which agents are graded. "
            "Bring back a copy of it; or delete it, and agents are graded again in others.",
            exit_code=1,
        ) from None
    return kept(path, replace(lots, episodes=Lots.drawn().episodes)) if anew else lots


def kept(path: Path, lots: Lots) -> Lots:
    """Write the lots down, readable for the owner alone."""
    write_if_new(path, json.dumps(asdict(lots)) + "\n")
    with contextlib.suppress(OSError):
        os.chmod(path, 0o600)
    return lots


def plays_agents(source: NotebookNode) -> bool:
    """Whether a check of this lesson lets an agent play."""
    checks = (cell.source for cell in source.cells if is_check(cell))
    return any(name in AGENT_TASKS for text in checks for _, name in check_calls(text))


def pseudonym(names: str, student: str) -> str:
    """What a student is called on the leaderboard; nobody can tell without the class's key."""
    number = int.from_bytes(hashlib.sha256(f"{names}/{student}".encode()).digest(), "big")
    words = []
    for kind in (ADJECTIVES.split(), ANIMALS.split(), range(1_000, 10_000)):
        number, place = divmod(number, len(kind))
        words.append(str(kind[place]))
    return " ".join(words)


def agent_notes(trials: list[Trial], names: str, student: str) -> list[Note]:
    """What a student's agent did in the fresh episodes, and under which name it is shown."""
    return [
        Note(
            "agent",
            f"{one.exercise}: mean return {one.mean:,.1f} ± {one.standard_error:,.1f} in "
            f"{len(one.returns):,} fresh episodes (± is the standard error). On the leaderboard "
            f"this is {pseudonym(names, student)}.",
        )
        for one in trials
    ]
