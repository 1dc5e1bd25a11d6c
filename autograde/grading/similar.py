"""Points out submissions that are nearly the same, for a person to judge. Similarity is no proof.

A fingerprint is the set of all runs of a few tokens in what a student wrote, names of variables,
numbers and texts made equal, so that renaming hides nothing; what the lesson gives is taken out.
Two fingerprints are compared by the share of runs that they have in common, each weighing more the
fewer students have it: the one way to write a line counts for nothing.
"""

import builtins
import hashlib
import keyword
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from nbformat import NotebookNode

RUN = 6
MAX_RUNS = 2_000
MAX_SOURCE = 20_000
MAX_TEXT = 400_000
LIKENESS = 0.8
SHARED = 20
MAX_PAIRS = 50
TOKEN = re.compile(
    r"#[^\n]*|'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|\"[^\"\n]*\"|\.?[^\W\d]\w*|\d[\w.]*|\S", re.DOTALL
)
WORD = re.compile(r"\w+")
KEPT = frozenset([*keyword.kwlist, *dir(builtins)])


@dataclass(frozen=True)
class Pair:
    """Two students whose work is alike, and how much of it, between 0 and 1."""

    one: str
    other: str
    likeness: float


def fingerprint(notebook: NotebookNode, lesson: NotebookNode) -> tuple[str, ...]:
    """The runs of tokens in what a student wrote into a lesson's notebook."""
    given = texts_of(lesson)
    written = [one for one in texts_of(notebook) if one not in set(given)]
    return tuple(sorted(runs_of(written) - known_runs(given))[:MAX_RUNS])


def texts_of(notebook: NotebookNode) -> tuple[tuple[str, str], ...]:
    """(kind, text) of each cell."""
    return tuple((cell.cell_type, cell.source) for cell in notebook.cells)


@lru_cache(maxsize=32)
def known_runs(given: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """The runs in what a lesson gives: the same for all who hand it in."""
    return frozenset(runs_of(given))


def runs_of(texts: Iterable[tuple[str, str]]) -> set[str]:
    """The hashes of all runs of tokens in these cells."""
    found: set[str] = set()
    left = MAX_TEXT
    for kind, whole in texts:
        text = whole[: min(MAX_SOURCE, left)]
        left -= len(text)
        tokens = code_tokens(text) if kind == "code" else words(text)
        found |= {hashed(tokens[i : i + RUN]) for i in range(len(tokens) - RUN + 1)}
    return found


def code_tokens(text: str) -> list[str]:
    """The tokens of code, comments left out and names of variables made equal."""
    return [normal(token) for token in TOKEN.findall(text) if not token.startswith("#")]


def normal(token: str) -> str:
    """Keywords, built-ins, methods and signs as they are; a name, a number, a text as its kind."""
    if token[0] in "'\"":
        return "text"
    if token[0].isdigit():
        return "number"
    if token.isidentifier() and token not in KEPT:
        return "name"
    return token


def words(text: str) -> list[str]:
    """The words of prose."""
    return WORD.findall(text.lower())


def hashed(tokens: Sequence[str]) -> str:
    """A short name of a run of tokens."""
    return hashlib.blake2b("\x1f".join(tokens).encode(), digest_size=6).hexdigest()


def similar_pairs(fingerprints: Mapping[str, Iterable[str]]) -> list[Pair]:
    """The pairs of students whose work is nearly the same, the most alike first."""
    sets = {student: set(runs) for student, runs in fingerprints.items()}
    holders: dict[str, list[str]] = defaultdict(list)
    for student, runs in sorted(sets.items()):
        for run in runs:
            holders[run].append(student)
    rare = {run: who for run, who in holders.items() if 1 < len(who) <= max(2, len(sets) / 2)}
    shared = Counter(pair for who in rare.values() for pair in combinations(who, 2))
    weight = {run: math.log((len(sets) + 1) / len(who)) for run, who in holders.items()}
    pairs = [
        Pair(one, other, likeness(sets[one], sets[other], weight))
        for (one, other), count in shared.items()
        if count >= SHARED
    ]
    found = [pair for pair in pairs if pair.likeness >= LIKENESS]
    return sorted(found, key=lambda pair: (-pair.likeness, pair.one, pair.other))[:MAX_PAIRS]


def likeness(one: set[str], other: set[str], weight: Mapping[str, float]) -> float:
    """The weight of what both have, of the weight of what either has."""
    either = sum(weight[run] for run in one | other)
    return sum(weight[run] for run in one & other) / either if either else 0.0
