"""The README's tables, made from the stored outcomes."""

import re
import statistics
from pathlib import Path
from typing import Any

from tests.benchmarks import results
from tests.benchmarks.cost import COSTS, Cost
from tests.benchmarks.learning import MAX_SECONDS, settings_by_side

README = Path(__file__).parents[2] / "README.md"
MARKS = {name: (f"<!-- {name}: begin -->", f"<!-- {name}: end -->") for name in ("speed", "cost")}
INFINITE = float("inf")


def seconds(number: float) -> str:
    """Two figures that matter, never more than two decimals."""
    return f"{number:.2f}" if number < 10 else f"{number:.0f}"


def needed(outcomes: list[dict[str, Any]]) -> list[float]:
    """CPU seconds a seed, infinite where the threshold was not held."""
    return sorted(
        INFINITE if one["cpu_seconds"] is None else one["cpu_seconds"] for one in outcomes
    )


def solved(outcomes: list[dict[str, Any]]) -> str:
    """How many of the seeds held the threshold."""
    return f"{sum(one['cpu_seconds'] is not None for one in outcomes)} of {len(outcomes)}"


def middle_and_ends(outcomes: list[dict[str, Any]]) -> str:
    """The median, and in brackets the smallest and the largest."""
    times = needed(outcomes)
    middle = statistics.median(times)
    if middle == INFINITE:
        spent = max(one["spent_seconds"] for one in outcomes)
        return f"> {MAX_SECONDS:.0f}" if spent >= MAX_SECONDS else "not held"
    ends = [seconds(end) if end < INFINITE else "∞" for end in (times[0], times[-1])]
    return f"{seconds(middle)} ({ends[0]}–{ends[1]})"


def better_peer(records: list[dict[str, Any]], run) -> tuple[str, list[dict[str, Any]]]:
    """The peer's settings that solved more seeds, then in less time; and their outcomes."""
    sides = {
        who: results.outcomes_of(records, "learning", run.name, who, results.described(settings))
        for who, settings in settings_by_side(run).items()
        if who != results.OURS
    }
    measured = {who: outcomes for who, outcomes in sides.items() if outcomes}
    if not measured:
        return "", []
    return min(measured.items(), key=lambda side: (
        sum(one["cpu_seconds"] is None for one in side[1]) / len(side[1]),
        statistics.median(needed(side[1])),
    ))  # fmt: skip


def speed_table(records: list[dict[str, Any]]) -> list[str]:
    """One row a run that was measured."""
    lines = [
        "| run | solved | CPU seconds | environment steps "
        "| Stable-Baselines3: solved | CPU seconds | settings | ours / theirs |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for run in results.measurable_runs():
        ours = results.outcomes_of(
            records, "learning", run.name, results.OURS, results.described(run.config)
        )
        if ours:
            lines.append(speed_row(run, ours, *better_peer(records, run)))
    return lines


def speed_row(run, ours: list[dict[str, Any]], which: str, peer: list[dict[str, Any]]) -> str:
    """A run's line."""
    steps = [one["env_steps"] for one in ours if one["env_steps"] is not None]
    middle = f"{statistics.median(steps):,.0f}" if steps else ""
    cells = [f"`{run.name}`", solved(ours), middle_and_ends(ours), middle]
    if peer:
        cells += [solved(peer), middle_and_ends(peer), which, ratio(ours, peer)]
    else:
        cells += [""] * 4
    return f"| {' | '.join(cells)} |".replace("|  ", "| ")


def ratio(ours: list[dict[str, Any]], peer: list[dict[str, Any]]) -> str:
    """Of the medians; a bound where the peer's median was never reached."""
    mine, theirs = statistics.median(needed(ours)), statistics.median(needed(peer))
    if mine == INFINITE:
        return ""
    if theirs < INFINITE:
        return f"{mine / theirs:.2f}"
    spent = statistics.median(one["spent_seconds"] for one in peer)
    return f"< {mine / spent:.2f}" if spent >= MAX_SECONDS else ""


def cost_table(records: list[dict[str, Any]]) -> list[str]:
    """One row a comparison that was measured."""
    lines = [
        "| algorithm | settings of both | ours, µs a step | Stable-Baselines3, µs a step | ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    for cost in COSTS:
        mine, theirs = (microseconds(records, cost, who) for who in (results.OURS, "peer"))
        if mine and theirs:
            a, b = statistics.median(mine), statistics.median(theirs)
            name = f"{cost.algorithm.upper()}, {cost.environment_id}"
            lines.append(f"| {name} | {cost.words} | {a:,.0f} | {b:,.0f} | {a / b:.2f} |")
    return lines


def microseconds(records: list[dict[str, Any]], cost: Cost, who: str) -> list[float]:
    """What was measured of one side."""
    text = results.described(cost.sides[who])
    found = results.outcomes_of(records, "cost", cost.task, who, text)
    return [record["microseconds"] for record in found]


def tables() -> dict[str, str]:
    """Both tables as they should stand in the README."""
    records = results.read()
    both = {
        "speed": [measured_with(records), "", *speed_table(records)],
        "cost": cost_table(records),
    }
    return {name: "\n".join(lines) for name, lines in both.items()}


def measured_with(records: list[dict[str, Any]]) -> str:
    """A sentence on versions and processor."""
    (machine,) = [record for record in records if record["kind"] == "machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return f"Measured on one thread of: {machine['processor']}; with {versions}."


def tables_in(text: str) -> dict[str, str]:
    """Both tables as they stand in the README's text."""
    found = {}
    for name, (begin, end) in MARKS.items():
        found[name] = text.split(begin)[1].split(end)[0].strip()
    return found


def write_readme(path: Path = README) -> None:
    """Put the tables between their marks."""
    text = path.read_text(encoding="utf-8")
    for name, table in tables().items():
        begin, end = MARKS[name]
        inside = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text = inside.sub(lambda _, table=table, a=begin, b=end: f"{a}\n{table}\n{b}", text)
    path.write_text(text, encoding="utf-8")
