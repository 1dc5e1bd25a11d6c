"""An IPython shell without a kernel that records what a cell prints, shows and raises.

What is recorded is bounded and is plain JSON; only text and pixel pictures are kept, so that
nothing a student's cell shows can act in the browser of whoever reads it.
"""

import io
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type

from autograde.grading.harmless import PICTURES, encoded_picture, picture_details, safe_text

MAX_TEXT = 100_000
MAX_DATA = 4_000_000
MAX_OUTPUTS = 200
CUT = "\n… the rest of the output was left out\n"


class Recorder:
    """The outputs of one cell, in nbformat's form, within limits."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.text_left = MAX_TEXT
        self.data_left = MAX_DATA

    def stream(self, name: str, text: str) -> None:
        """Printed text; text for the same stream joins the last output."""
        text = self.cut(text)
        if not text:
            return
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self.append({"output_type": "stream", "name": name, "text": text})

    def display(self, data: dict, metadata: dict | None = None, key: object = None) -> None:
        """A displayed object; one with a known `key` replaces the one shown before."""
        output = {"output_type": "display_data", **self.bundle(data, metadata or {})}
        for place, old in enumerate(self.outputs):
            if key is not None and old.get("key") == key:
                self.outputs[place] = {**output, "key": key}
                return
        self.append({**output, "key": key} if key is not None else output)

    def result(self, data: dict, metadata: dict) -> None:
        """The value of a cell's last expression."""
        kept = self.bundle(data, metadata)
        self.append({"output_type": "execute_result", "execution_count": None, **kept})

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        """An exception."""
        lines = [self.cut(safe_text(line)) for line in traceback]
        self.append(
            {"output_type": "error", "ename": name, "evalue": self.cut(value), "traceback": lines}
        )

    def only_error(self, name: str, value: str) -> None:
        """This error, in one line, in the place of all errors so far."""
        self.outputs = [old for old in self.outputs if old["output_type"] != "error"]
        self.error(name, value, [f"{name}: {value}"])

    def clear(self) -> None:
        """Forget what was shown so far, as `clear_output` asks."""
        self.outputs.clear()

    def cut(self, text: str) -> str:
        """The part of a text that still fits; says once that something was left out."""
        if self.text_left <= 0:
            return ""
        text = safe_text(text)
        kept, self.text_left = text[: self.text_left], self.text_left - len(text)
        return kept if self.text_left >= 0 else kept + CUT

    def append(self, output: dict[str, Any]) -> None:
        """Add an output, unless there are too many already."""
        if len(self.outputs) < MAX_OUTPUTS:
            self.outputs.append(output)

    def bundle(self, data: dict, metadata: dict) -> dict[str, Any]:
        """The text and the pictures of a display, and what describes the pictures."""
        kept: dict[str, str] = {}
        if "text/plain" in data:
            kept["text/plain"] = self.cut(data["text/plain"])
        for kind in PICTURES:
            encoded = encoded_picture(data.get(kind))
            if encoded and len(encoded) <= self.data_left:
                self.data_left -= len(encoded)
                kept[kind] = encoded
        details = {kind: picture_details(metadata.get(kind)) for kind in PICTURES if kind in kept}
        return {"data": kept, "metadata": {kind: item for kind, item in details.items() if item}}

    def plain(self) -> list[dict[str, Any]]:
        """The outputs as nbformat wants them."""
        return [
            {name: value for name, value in output.items() if name != "key"}
            for output in self.outputs
        ]


class RecordingStream(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr` while a cell runs."""

    encoding = "utf-8"

    def __init__(self, shell: "RecordingShell", name: str) -> None:
        self.shell = shell
        self.stream_name = name

    def write(self, text: str) -> int:
        self.shell.recorder.stream(self.stream_name, text)
        return len(text)

    def writable(self) -> bool:
        return True


class RecordingHook(DisplayHook):
    """Records the value of the last expression."""

    def write_output_prompt(self) -> None:
        """No "Out[1]:": the notebook has its own."""

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        self.shell.recorder.result(format_dict, md_dict or {})

    def finish_displayhook(self) -> None:
        """Nothing is printed after the value."""


class RecordingPublisher(DisplayPublisher):
    """Records what `display` shows."""

    def publish(
        self,
        data: dict,
        metadata: dict | None = None,
        source: object = None,
        *,
        transient: dict | None = None,
        update: bool = False,
        **options: object,
    ) -> None:
        self.shell.recorder.display(data, metadata, (transient or {}).get("display_id"))

    def clear_output(self, wait: bool = False) -> None:
        self.shell.recorder.clear()


class RecordingShell(InteractiveShell):
    """IPython as a notebook knows it, with its outputs in `recorder`."""

    displayhook_class = Type(RecordingHook)
    display_pub_class = Type(RecordingPublisher)

    def __init__(self, **options: Any) -> None:
        self.recorder = Recorder()
        super().__init__(**options)

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        self.recorder.error(etype.__name__, safe_text(evalue), list(stb))

    def ask_exit(self) -> None:
        """`exit()` and `quit()` end the cell."""
        raise SystemExit
