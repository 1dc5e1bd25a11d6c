"""What a worker says about a cell, made fit to be kept: known kinds only, bounded, escaped."""

from typing import Any

from autograde.grading.harmless import PICTURES, safe_text
from autograde.grading.pictures import NoPicture, harmless_picture
from autograde.grading.recording import MAX_OUTPUTS, Recorder

STATUSES = ("ok", "error", "timeout")
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
    """The text of a display, and its pictures; where one is left out, the text says why."""
    if not isinstance(data, dict):
        return {}
    kept = {"text/plain": text_of(data["text/plain"], 10**6)} if "text/plain" in data else {}
    for kind in PICTURES:
        try:
            if kind in data:
                kept[kind] = harmless_picture(kind, data[kind])
        except NoPicture as error:
            lines = [kept.get("text/plain", ""), f"… a picture was left out: {error} …"]
            kept["text/plain"] = "\n".join(filter(None, lines))
    return kept


def text_of(value: Any, most: int) -> str:
    """A text of at most so many characters."""
    return safe_text(value)[:most] if isinstance(value, str) else ""
