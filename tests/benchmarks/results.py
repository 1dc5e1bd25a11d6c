"""What was measured, as JSON lines in results.jsonl: one an outcome, appended as they come."""

import dataclasses
import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from course_lib.catalogue import all_algorithms
from course_lib.runs import RUNS, Run
from tests.benchmarks.peer_settings import PeerSettings

RESULTS = Path(__file__).parent / "results.jsonl"
OURS = "ours"


def algorithm_of(run: Run) -> str | None:
    """The name of a run's algorithm; `None` if it does not learn in an environment."""
    names = [name for name, one in all_algorithms().items() if one.start is run.algorithm]
    return names[0] if names else None


def measurable_runs() -> list[Run]:
    """The runs that can be timed: they have an environment and a threshold."""
    return [run for run in RUNS.values() if algorithm_of(run) and run.threshold is not None]


def described(settings: Any) -> str:
    """Settings as text, the same for the same settings: it tells outcomes that are out of date."""
    if isinstance(settings, PeerSettings):
        settings = dataclasses.replace(
            settings,
            arguments={
                name: f"falling from {value(1.0):g}" if callable(value) else value
                for name, value in settings.arguments.items()
            },
        )
    return repr(settings)


def append(record: dict[str, Any], path: Path | None = None) -> None:
    """Store one outcome; one write, so that two processes can share the file."""
    with (path or RESULTS).open("a", encoding="utf-8") as file:
        file.write(line_of(record))


def line_of(record: dict[str, Any]) -> str:
    """A record as a line of the file."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def machine() -> dict[str, Any]:
    """What the outcomes were measured with."""
    names = ("torch", "gymnasium", "stable-baselines3", "sb3-contrib")
    versions = {"Python": platform.python_version()} | {
        name: version(name).partition("+")[0] for name in names
    }
    return {
        "kind": "machine", "task": "", "who": "", "settings": "", "seed": 0,
        "versions": versions, "processor": processor(),
    }  # fmt: skip


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def read(path: Path | None = None) -> list[dict[str, Any]]:
    """All outcomes; of those that were measured again, the latest one."""
    path = path or RESULTS
    if not path.exists():
        return []
    latest = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        latest[key_of(record)] = record
    return list(latest.values())


def key_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """What a record is the outcome of."""
    return tuple(record[name] for name in ("kind", "task", "who", "settings", "seed"))


def outcomes_of(
    records: Iterable[dict[str, Any]], kind: str, task: str, who: str, settings: str
) -> list[dict[str, Any]]:
    """The outcomes of one side of one task with exactly these settings, by seed."""
    wanted = (kind, task, who, settings)
    found = [record for record in records if key_of(record)[:4] == wanted]
    return sorted(found, key=lambda record: record["seed"])


def tidy() -> None:
    """Drop what was measured again since, and what no run or setting of today asks for."""
    from tests.benchmarks.cost import COSTS
    from tests.benchmarks.learning import settings_by_side

    current = {
        ("learning", run.name, who, described(settings))
        for run in measurable_runs()
        for who, settings in settings_by_side(run).items()
    }
    current |= {
        ("cost", cost.task, who, described(settings))
        for cost in COSTS
        for who, settings in cost.sides.items()
    }
    current.add(key_of(machine())[:4])
    kept = [record for record in read() if key_of(record)[:4] in current]
    kept.sort(key=lambda record: [str(part) for part in key_of(record)])
    RESULTS.write_text("".join(map(line_of, kept)), encoding="utf-8")
