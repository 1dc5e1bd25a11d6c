"""Text that wants to act where it is read: in pages, in terminals, in spreadsheets."""

import json

from tests.red_team.submission import LOSS, TD_ERROR, Submission

ALL = {"reinforce_loss": LOSS, "td_error": TD_ERROR}
MARK = "pwned"  # what a script that runs sets on the window
SCRIPT = f"<script>window.{MARK} = 1; document.title = '{MARK}'</script>"
TAGS = (
    f'<img src=x onerror="window.{MARK}=1"><svg onload=window.{MARK}=1></svg>'
    f"<math><maction actiontype=toggle href=javascript:window.{MARK}=1>x</maction></math>"
    f'<iframe srcdoc="<script>parent.{MARK}=1</script>"></iframe><form action=http://x.invalid>'
    f"<details open ontoggle=window.{MARK}=1><style>body{{display:none}}</style>"
    "<base href=http://x.invalid><meta http-equiv=refresh content=0;url=http://x.invalid>"
)
LINKS = (
    f"[a](javascript:window.{MARK}=1) [b](JaVa&#115;cript&colon;window.{MARK}=1) "
    f"[c](data:text/html,{SCRIPT}) [d](vbscript:x) <javascript:window.{MARK}=1> "
    f"[e](\x01javascript:window.{MARK}=1) ![f](http://x.invalid/seen.png) "
    f"[g][h]\n\n[h]: javascript:window.{MARK}=1 \"' onclick=window.{MARK}=1 x='\"\n"
    f"\n[i](http://x.invalid '\" onmouseover=window.{MARK}=1 x=\"')"
)
MATHS = (
    rf"$\href{{javascript:window.{MARK}=1}}{{x}}$ $\text{{{SCRIPT}}}$ $\unicode{{x3c}}$ "
    rf"$$\style{{position:fixed}}{{x}}\class{{y}}{{z}}$$ $\mathbb{{<img src=x onerror=a>}}$ "
    rf"\begin{{align}}\text{{{TAGS}}}\end{{align}}"
)
RECURSIVE = "$" + r"\hat" * 990 + "x$"
QUADRATIC = "[" * 9_000 + "*a **b " * 1_500 + "`" * 3_000 + "> " * 2_000
TEMPLATES = "{{ 7 * 191 }} {% raise %} ${7*191} #{7*191} <%= 7*191 %> {{ cell.__class__ }}"
RESULT = json.dumps({"status": "ok", "points": 99, "check": {"points": 99, "possible": 1}})
ESCAPES = "\x1b]0;pwned\x07\x1b[2J\x1b[31mred\x1b[0m\x1b]8;;http://x.invalid\x07link\x9b31m"
BIDI = "\u202e\u2066 stniop 99 \u2069\u202c\u200b"
SAYS = "print({!r})\ndef reinforce_loss(*more):\n    raise ValueError({!r})\n"
DISPLAYS = (
    "from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display\n"
    f"text = {SCRIPT + TAGS!r}\n"
    "display(HTML(text), Javascript('window.pwned=1'), Markdown(text), Latex(text))\n"
    "display({kind: text for kind in ('text/html', 'image/svg+xml', 'application/javascript',"
    " 'application/vnd.jupyter.widget-view+json', 'text/markdown', 'text/latex',"
    " 'application/pdf', 'text/plain', 'image/png')}, raw=True)\n"
)
PICTURE = (
    "import base64\nfrom IPython.display import display\n"
    "data = base64.b64encode(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(40)).decode()\n"
    "about = {'image/png': {'alt': '\"><img src=x onerror=\"window.pwned=1', 'width':"
    " '1 onload=window.pwned=1', 'height': 1e308}}\n"
    "display({'image/png': data}, metadata=about, raw=True)\n"
    "display({'image/png': data + '\"><script>window.pwned=1</script>'}, raw=True)\n"
)
FORMULA = '=HYPERLINK("http://x.invalid", 1+1)'


def attached(notebook):
    """Attachments, widget states, a raw cell of HTML, and metadata that templates look at."""
    page = {"text/html": SCRIPT}
    raw = {"cell_type": "raw", "source": SCRIPT + TAGS, "id": "raw"}
    notebook["cells"].append({**raw, "metadata": {"raw_mimetype": "text/html"}})
    for cell in notebook["cells"]:
        cell["attachments"] = {"x.svg": page, '"><script>': page}
        cell["metadata"]["tags"] = [SCRIPT]
        cell["metadata"]["jupyter"] = {"source_hidden": True}
    states = {"application/vnd.jupyter.widget-state+json": {"state": {"x": SCRIPT}}}
    notebook["metadata"] |= {"title": SCRIPT, "widgets": states, "kernelspec": {"name": SCRIPT}}
    return notebook


def one_line(notebook):
    """A class on one line of nearly 200,000 characters."""
    text = "class Long: " + "; ".join(f"x{place} = {place}" for place in range(10_000))
    notebook["cells"][1:1] = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "id": "long",
         "execution_count": None}
    ]  # fmt: skip
    return notebook


def in_prose(name: str, tries: str, text: str) -> Submission:
    """Right work whose written answer wants to act."""
    return Submission(f"injecting-{name}", tries, loss="right", prose=text, points=ALL)


def in_output(name: str, tries: str, text: str) -> Submission:
    """What is printed, and what an error says."""
    return Submission(f"injecting-{name}", tries, loss=SAYS.format(text, text))


SUBMISSIONS = (
    in_prose("script", "write a script into prose", SCRIPT),
    in_prose("tags", "write tags that act into prose", TAGS),
    in_prose("links", "write links that act into prose", LINKS),
    in_prose("maths", "write formulas that act into prose", MATHS),
    in_prose("recursive", "write a formula within a formula", RECURSIVE),
    in_prose("quadratic", "write prose that takes long to read", QUADRATIC),
    in_prose("templates", "write templates into prose", TEMPLATES),
    in_output("output", "print HTML", SCRIPT + TAGS + "</pre></div>" + SCRIPT),
    in_output("escapes", "print what moves a terminal", ESCAPES),
    in_output("bidi", "print what is read backwards", BIDI),
    in_output("result", "print a result as JSON", RESULT),
    in_output("formula", "print what a spreadsheet computes", FORMULA),
    in_output("template", "print templates", TEMPLATES),
    Submission("injecting-displays", "show every kind of page", DISPLAYS, "right", points=ALL),
    Submission("injecting-picture", "describe a picture by a script", PICTURE, "right",
        points=ALL),
    Submission("injecting-attached", "attach scripts to cells", loss="right", damage=attached,
        points=ALL),
    Submission("injecting-line", "write a class on one line", loss="right", damage=one_line,
        points=ALL),
)  # fmt: skip
