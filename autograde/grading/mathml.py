r"""From the LaTeX of formulas to MathML, which browsers show without a script or the network.

Covers what mathematics in notebooks is made of. A formula with an unknown command is shown as its
source, never wrongly.
"""

import re
from functools import lru_cache
from html import escape

from autograde.grading import latex_signs as signs

TOKEN = re.compile(
    r"\\begin\{([a-z]+)\*?\}|\\end\{[a-z]+\*?\}|\\[A-Za-z]+|\\.|\s+|\d+(?:\.\d+)?|.", re.DOTALL
)
MAX_LENGTH, MAX_DEPTH = 4_000, 40
KEEPS_SIZE = ' stretchy="false"'


class Unknown(ValueError):
    """The formula holds something that this module does not know."""


@lru_cache(maxsize=4096)
def mathml(latex: str, display: bool = False) -> str:
    """The formula as a `<math>` element; as code, if it cannot be converted."""
    try:
        if len(latex) > MAX_LENGTH:
            raise Unknown(latex[:20])
        body = Formula(latex).whole()
    except (Unknown, IndexError, RecursionError):
        return f"<code>{escape(latex)}</code>"
    block = ' display="block"' if display else ""
    return f'<math{block} alttext="{escape(latex)}"><mrow>{body}</mrow></math>'


class Formula:
    """Reads a formula token by token."""

    def __init__(self, latex: str) -> None:
        self.tokens = [m[0] for m in TOKEN.finditer(without_comments(latex))]
        self.place = 0
        self.depth = 0

    def whole(self) -> str:
        """All of it."""
        body = self.row(())
        if self.place < len(self.tokens):
            raise Unknown(self.tokens[self.place])
        return body

    def peek(self) -> str:
        """The next token that is no space; empty at the end."""
        while self.place < len(self.tokens) and self.tokens[self.place].isspace():
            self.place += 1
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        """Take the next token that is no space."""
        token = self.peek()
        if not token:
            raise Unknown("end")
        self.place += 1
        return token

    def row(self, ends: tuple[str, ...]) -> str:
        """Everything up to one of these tokens, which is left where it is."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unknown("depth")
        parts, last = [], ""
        while (token := self.peek()) and token not in ends:
            if token in ("}", "&", r"\\", r"\right") or token.startswith(r"\end"):
                raise Unknown(token)
            part = self.scripted()
            if token in ("+", "-") and (not last or last in signs.BEFORE_A_SIGN):
                part = part.replace("<mo>", '<mo form="prefix">', 1)
            parts.append(part)
            last = self.tokens[self.place - 1]
        self.depth -= 1
        return "".join(parts)

    def scripted(self) -> str:
        """An atom with what is written below and above it."""
        token = self.peek()
        base = "<mrow></mrow>" if token in "_^" else self.atom(self.take())
        below = above = ""
        while self.peek() in ("_", "^", "'"):
            mark = self.take()
            if mark == "'":
                above += "<mo>′</mo>"
            elif mark == "_":
                below += self.argument()
            else:
                above += self.argument()
        return with_scripts(base, below, above, stacked=is_stacked(token))

    def argument(self) -> str:
        """A group in braces, or one atom."""
        token = self.take()
        if token == "{":
            inside = self.row(("}",))
            self.take()
            return f"<mrow>{inside}</mrow>"
        if len(token) > 1 and token.isdigit():  # \frac12 is one half
            self.place -= 1
            self.tokens[self.place : self.place + 1] = list(token)
            token = self.take()
        return self.atom(token)

    def atom(self, token: str) -> str:
        """One thing: a letter, a number, a sign, a group or a command with its arguments."""
        if token == "{":
            self.place -= 1
            return self.argument()
        if token.startswith(r"\begin"):
            return self.table(TOKEN.fullmatch(token)[1])
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{escape(token)}</mi>"
        if token in ("}", "&", "$", "#", "%", "~"):
            raise Unknown(token)
        return operator("−" if token == "-" else token)

    def command(self, name: str) -> str:
        """A command and its arguments."""
        if name in signs.LETTERS:
            return f"<mi>{signs.LETTERS[name]}</mi>"
        if name in signs.OPERATORS:
            return operator(signs.OPERATORS[name])
        if name in signs.LARGE:
            return f"<mo>{signs.LARGE[name]}</mo>"
        if name in signs.FUNCTIONS:
            return f"<mi>{name}</mi>{self.space_after_function()}"
        if name in signs.LIMITS:
            return f"<mo>{signs.LIMITS[name]}</mo>"
        if name in signs.SPACES:
            return f'<mspace width="{signs.SPACES[name]}em"></mspace>'
        if name in signs.SIZES:
            return self.delimiter()
        if name in signs.IGNORED:
            return ""
        if name in "{}|%_&$#":
            return operator("‖" if name == "|" else name)
        return self.construction(name)

    def space_after_function(self) -> str:
        r"""What TeX puts between log and π; nothing before a bracket, a script or the end."""
        after = self.peek()
        if not after or after[0] in "([_^'}&|,.=" or after in (r"\\", r"\right", r"\left"):
            return ""
        if after[1:] in signs.SPACES or after[1:] in signs.SIZES:
            return ""
        return '<mspace width="0.17em"></mspace>'

    def construction(self, name: str) -> str:
        """A command that puts its arguments together."""
        if name in ("frac", "tfrac", "dfrac"):
            return f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
        if name == "binom":
            inside = f'<mfrac linethickness="0">{self.argument()}{self.argument()}</mfrac>'
            return f"<mo>(</mo>{inside}<mo>)</mo>"
        if name == "sqrt":
            return f"<msqrt>{self.argument()}</msqrt>"
        if name in signs.ABOVE:
            mark = f'<mo stretchy="{str(name.startswith("over")).lower()}">{signs.ABOVE[name]}</mo>'
            return f'<mover accent="true">{self.argument()}{mark}</mover>'
        if name in signs.BELOW:
            return f'<munder>{self.argument()}<mo stretchy="true">{signs.BELOW[name]}</mo></munder>'
        if name in ("overset", "stackrel", "underset"):
            other, base = self.argument(), self.argument()
            kind = "munder" if name == "underset" else "mover"
            return f"<{kind}>{base}{other}</{kind}>"
        if name in signs.UPRIGHT:
            text = escape(self.words()).replace(" ", "\u00a0")  # browsers drop spaces at the ends
            return f"<mtext>{text}</mtext>"
        if name in signs.VARIANTS:
            return f'<mi mathvariant="normal">{variant(self.words(), signs.VARIANTS[name])}</mi>'
        if name == "left":
            return self.fenced()
        raise Unknown(name)

    def words(self) -> str:
        """The text of a group, spaces kept; of one token without braces."""
        if self.peek() != "{":
            token = self.take()
            return signs.LETTERS.get(token[1:], token) if token.startswith("\\") else token
        self.place += 1
        start = self.place
        while self.tokens[self.place] != "}":
            self.place += 1
        text = "".join(self.tokens[start : self.place])
        self.place += 1
        for name, sign in signs.LETTERS.items():
            text = re.sub(rf"\\{name}(?![A-Za-z])", sign, text)
        if "\\" in text.replace("\\ ", " ") or "{" in text:
            raise Unknown(text)
        return text.replace("\\ ", " ").replace("~", " ")

    def delimiter(self) -> str:
        """A bracket that grows with what it holds; a point stands for none."""
        token = self.take()
        return "" if token == "." else self.atom(token).replace(KEEPS_SIZE, "")

    def fenced(self) -> str:
        r"""What stands between \left and \right."""
        left = self.delimiter()
        inside = self.row((r"\right",))
        self.take()
        return f"<mrow>{left}{inside}{self.delimiter()}</mrow>"

    def table(self, name: str) -> str:
        """An environment of rows and columns."""
        if name not in signs.TABLES:
            raise Unknown(name)
        if name == "array":
            self.words()
        ends = ("&", r"\\", rf"\end{{{name}}}", rf"\end{{{name}*}}")
        rows: list[str] = []
        cells: list[str] = []
        while True:
            cells.append(f"<mtd>{self.row(ends)}</mtd>")
            end = self.take()
            if end != "&":
                rows.append(f"<mtr>{''.join(cells)}</mtr>")
                cells = []
            if end.startswith(r"\end"):
                break
        left, right = (
            f"<mo>{one}</mo>" if one.strip() else "" for one in signs.FENCES.get(name, "  ")
        )
        kind = ' class="aligned"' if name in signs.ALIGNED else ""
        return f"<mrow>{left}<mtable{kind}>{''.join(rows)}</mtable>{right}</mrow>"


def operator(sign: str) -> str:
    r"""A sign; a bracket without \left or \big keeps its size beside what is tall."""
    return f"<mo{KEEPS_SIZE if sign in signs.BRACKETS else ''}>{escape(sign)}</mo>"


def without_comments(latex: str) -> str:
    """The formula without what TeX ignores."""
    return re.sub(r"(?<!\\)%.*", "", latex)


def is_stacked(token: str) -> bool:
    """Whether what is below it stands under it, as with a sum."""
    name = token[1:]
    return token.startswith("\\") and (
        name in signs.LARGE or name in signs.LIMITS or "brace" in name
    )


def with_scripts(base: str, below: str, above: str, *, stacked: bool) -> str:
    """The base with its scripts, beside it or stacked."""
    if not below and not above:
        return base
    one = base if base.startswith("<mrow>") or base.count("<m") == 1 else f"<mrow>{base}</mrow>"
    names = ("munder", "mover", "munderover") if stacked else ("msub", "msup", "msubsup")
    name = names[2] if below and above else names[0] if below else names[1]
    scripts = "".join(f"<mrow>{script}</mrow>" for script in (below, above) if script)
    return f"<{name}>{one}{scripts}</{name}>"


def variant(text: str, kind: str) -> str:
    """The letters in another style, as Unicode has them."""
    upper, lower = signs.BLOCKS[kind]
    made = []
    for letter in text:
        if letter in signs.ELSEWHERE.get(kind, {}):
            made.append(signs.ELSEWHERE[kind][letter])
        elif "A" <= letter <= "Z":
            made.append(chr(upper + ord(letter) - ord("A")))
        elif "a" <= letter <= "z":
            made.append(chr(lower + ord(letter) - ord("a")))
        else:
            made.append(escape(letter))
    return "".join(made)
