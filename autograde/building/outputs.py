"""Taking out of a notebook's outputs what differs from run to run and from machine to machine."""

import os
import re
import sys
from pathlib import Path

from nbformat import NotebookNode

from autograde.building.source import code_cells

WIDGET = "application/vnd.jupyter.widget-view+json"
PROGRESS_BAR = re.compile(r"\d+%\|.*\| ?\S+/\S+ \[|^\d+it \[", re.MULTILINE)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
KERNEL_FILE = re.compile(r"[^\s\"'<>]{0,200}ipykernel_\d+/\d+\.py")


def clean_outputs(notebook: NotebookNode, root: Path) -> list[str]:
    """Take it out, in place; what went to stderr is returned, so that an author sees it."""
    remarks = []
    for number, cell in enumerate(code_cells(notebook), start=1):
        remarks += [f"cell {cell.id} wrote to stderr: {text}" for text in complaints(cell)]
        kept = (clean_output(output, root) for output in cell.outputs)
        cell.outputs = [output for output in kept if output is not None]
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    return remarks


def complaints(cell: NotebookNode) -> list[str]:
    """The last line of what a cell wrote to stderr, progress bars apart."""
    texts = (o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr")
    lines = [[one for one in text.splitlines() if one.strip()] for text in texts]
    kept = [[one for one in some if not PROGRESS_BAR.search(one)] for some in lines]
    return [some[-1].strip() for some in kept if some]


def clean_output(output: NotebookNode, root: Path) -> NotebookNode | None:
    """One output without its residue; None where nothing of it should stay."""
    if output.output_type == "stream":
        if output.name == "stderr":
            return None
        output.text = steady_text(output.text, root)
    elif output.output_type == "error":
        output.evalue = steady_text(output.evalue, root)
        output.traceback = [steady_text(line, root) for line in output.traceback]
    else:
        return clean_bundle(output, root)
    return output


def clean_bundle(output: NotebookNode, root: Path) -> NotebookNode | None:
    """A display without widget views (their ids die with the kernel) and progress bars."""
    output.data.pop(WIDGET, None)
    output.metadata.pop(WIDGET, None)
    if PROGRESS_BAR.search(output.data.get("text/plain", "")):
        return None
    for kind in ("text/plain", "text/html", "text/markdown"):
        if kind in output.data:
            output.data[kind] = steady_text(output.data[kind], root)
    return output if output.data else None


def steady_text(text: str, root: Path) -> str:
    """Text without memory addresses, process numbers and the folders of this machine."""
    text = ADDRESS.sub("", text)
    if "ipykernel_" in text:  # the search is slow in a picture's base64
        text = KERNEL_FILE.sub("cell.py", text)
    folders = {root: "", Path(sys.prefix): "", Path.home(): f"~{os.sep}"}
    for folder in sorted(folders, key=lambda one: -len(one.parts)):
        if folder != Path(folder.anchor):  # a home folder "/" would cut every address in two
            text = text.replace(f"{folder}{os.sep}", folders[folder])
    return text
