"""What a worker says about a cell, made fit to be kept: known kinds only, bounded, escaped."""

import base64
from typing import Any

from autograde.grading.harmless import safe_text
from autograde.grading.recording import MAX_OUTPUTS, Recorder

STATUSES = ("ok", "error", "timeout")
FIRST_BYTES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
MAX_MESSAGE = 20_000
MAX_LINES = 200


def believed(part: dict[str, Any]) -> dict[str, Any]:
    """The part of a cell with everything in it that can be believed."""
    recorder = Recorder()
    outputs = part.get("outputs")
    for output in outputs[:MAX_OUTPUTS] if isinstance(outputs, list) else ():
        if isinstance(output, dict):
            record(recorder, output)
    status = part.get("status") if part.get("status") in STATUSES else "error"
    kept = {"status": status, "outputs": recorder.plain()}
    if status != "ok":
        kept["error"] = text_of(part.get("error"), 60) or "Error"
        kept["message"] = text_of(part.get("message"), MAX_MESSAGE)
    return kept


def size_of(outputs: list[dict[str, Any]]) -> int:
    """The characters of all texts and pictures."""
    texts = [one.get("text", "") for one in outputs]
    texts += [line for one in outputs for line in one.get("traceback", ())]
    texts += [data for one in outputs for data in one.get("data", {}).values()]
    return sum(map(len, texts))


def record(recorder: Recorder, output: dict[str, Any]) -> None:
    """Record one output anew."""
    kind = output.get("output_type")
    data, about = (output.get(name) for name in ("data", "metadata"))
    if kind == "stream" and output.get("name") in ("stdout", "stderr"):
        recorder.stream(output["name"], text_of(output.get("text"), 10**6))
    elif kind == "display_data":
        recorder.display(shown(data), about if isinstance(about, dict) else {})
    elif kind == "execute_result":
        recorder.result(shown(data), about if isinstance(about, dict) else {})
    elif kind == "error":
        lines = output.get("traceback")
        lines = [text_of(one, 10_000) for one in lines[:MAX_LINES]] if type(lines) is list else []
        name, value = text_of(output.get("ename"), 60), text_of(output.get("evalue"), MAX_MESSAGE)
        recorder.error(name, value, lines)


def shown(data: Any) -> dict[str, str]:
    """The text of a display, and pictures that begin as pictures do."""
    if not isinstance(data, dict):
        return {}
    kept = {"text/plain": text_of(data["text/plain"], 10**6)} if "text/plain" in data else {}
    for kind, first in FIRST_BYTES.items():
        encoded = data.get(kind)
        if isinstance(encoded, str) and begins_with(encoded, first):
            kept[kind] = encoded
    return kept


def begins_with(encoded: str, first: bytes) -> bool:
    """Whether a picture in base64 begins with these bytes."""
    try:
        return base64.b64decode(encoded[:16]).startswith(first)
    except ValueError:
        return False


def text_of(value: Any, most: int) -> str:
    """A text of at most so many characters."""
    return safe_text(value)[:most] if isinstance(value, str) else ""
