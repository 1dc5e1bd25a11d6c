"""Concept questions as the student edition has them: an explanation opens to its own letter only.

What tells right from wrong without a network can be asked for every letter, so this hides nothing
from somebody who asks four times; it keeps the answers from being read by the way. Points are
decided where the work is graded.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

QUESTIONS = Path(__file__).parent / "sealed_questions.json"


@dataclass(frozen=True)
class SealedQuestion:
    """A question of which nobody can read the right letter.

    Args:
        name: as in `answer_<name>`.
        sealed: by letter, what `seal` made of the verdict and the explanation.
        points: what it is worth.
    """

    name: str
    sealed: Mapping[str, str]
    points: float = 1.0

    @property
    def letters(self) -> tuple[str, ...]:
        """The choices there are."""
        return tuple(self.sealed)

    def verdict(self, letter: str) -> tuple[bool, str]:
        """Whether a choice is right, and the explanation."""
        right, explanation = json.loads(unseal(self.name, letter, self.sealed[letter]))
        return right, explanation


def seal_verdict(name: str, letter: str, right: bool, explanation: str) -> str:
    """The verdict on one choice as text that says nothing without that letter."""
    content = json.dumps([right, explanation], ensure_ascii=False).encode()
    return base64.b64encode(mixed(name, letter, content)).decode("ascii")


def unseal(name: str, letter: str, sealed: str) -> bytes:
    """What was sealed."""
    return mixed(name, letter, base64.b64decode(sealed))


def mixed(name: str, letter: str, content: bytes) -> bytes:
    """The content, exclusive or with a stream of bytes that name and letter decide."""
    stream = hashlib.shake_256(f"{name}/{letter}".encode()).digest(len(content))
    return bytes(a ^ b for a, b in zip(content, stream, strict=True))


def sealed_questions() -> dict[str, SealedQuestion]:
    """All questions that are here sealed, by name."""
    if not QUESTIONS.exists():
        return {}
    stored = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    return {one["name"]: SealedQuestion(**one) for one in stored}
