r"""Long formulas in a line of text, cut where a line may end: browsers do not break MathML.

A formula is cut before a relation or a sign between terms, and after a comma; never in brackets.
"""

import re

from autograde.grading.latex_signs import (
    BEFORE_A_SIGN,
    CLOSING,
    FUNCTIONS,
    LARGE,
    LIMITS,
    OPENING,
    RELATIONS,
    words,
)
from autograde.grading.mathml import TOKEN, mathml

SIGNS = words("+ -")
OPERATORS = FUNCTIONS | LARGE.keys() | LIMITS.keys()
SHORT = 12  # tokens; a shorter formula is kept in one piece
WIDE = 18  # letters and signs; a longer piece may be wider than a phone
TAG = re.compile(r"<[^>]*>")


def inline_formula(latex: str) -> str:
    """The formula as MathML in as many pieces as a line may be broken into."""
    made = [mathml(piece) for piece in pieces(latex)]
    if any(one.startswith("<code>") for one in made):
        made = [mathml(latex)]
    return "<wbr>".join(in_frame(one) for one in made)


def in_frame(math: str) -> str:
    """A piece that may be too wide for a phone scrolls by itself there."""
    wide = len(TAG.sub("", math)) > WIDE
    return f'<span class="wide">{math}</span>' if wide else math


def pieces(latex: str) -> list[str]:
    """The formula's pieces; one piece, if it is short or its brackets do not match."""
    tokens = [found[0] for found in TOKEN.finditer(latex)]
    if sum(not one.isspace() for one in tokens) <= SHORT or r"\begin" in latex:
        return [latex]
    found, depth, last = [""], 0, ""
    for token in tokens:
        if depth == 0 and found[-1].strip() and may_end_before(token, last):
            # An empty group makes a sign at the beginning one between two things.
            found.append("{}" if token in RELATIONS | SIGNS else "")
        found[-1] += token
        depth += (token in OPENING) - (token in CLOSING)
        if depth < 0:
            return [latex]
        last = last if token.isspace() else token
    return found if depth == 0 else [latex]


def may_end_before(token: str, last: str) -> bool:
    """Whether a line may end between these two."""
    if last in ("_", "^") or token.isspace():
        return False
    if token in RELATIONS:
        return last not in RELATIONS
    if token in SIGNS:
        return last not in BEFORE_A_SIGN and last[1:] not in OPERATORS
    return last == ","
