"""The benchmark's command line.

    python -m tests.benchmarks --write-readme            measure what is missing, fill in the README
    python -m tests.benchmarks --fresh --write-readme    measure everything anew
    python -m tests.benchmarks ppo-cartpole --again      measure one run again
    python -m tests.benchmarks --show                    print the tables, measure nothing

Interrupt it whenever you like: what is measured is stored in results.jsonl."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from course_lib.runs import RUNS
from tests.benchmarks import results, tables
from tests.benchmarks.jobs import COST, cost_of_company, measure, prepare
from tests.benchmarks.learning import settings_by_side


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    names = [run.name for run in results.measurable_runs()]
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("tasks", nargs="*", metavar="RUN", help=f"of {', '.join(names)}, {COST}")
    parser.add_argument("--seeds", type=int, default=10, help="of ours (default 10)")
    parser.add_argument("--peer-seeds", type=int, default=3, help="of the peer (default 3)")
    parser.add_argument("--workers", type=int, default=1, help="tasks at the same time (default 1)")
    parser.add_argument(
        "--check-workers", action="store_true",
        help="print by what factor CPU seconds grow with these workers, measure nothing else",
    )  # fmt: skip
    parser.add_argument("--again", action="store_true", help="measure what is stored, too")
    parser.add_argument("--fresh", action="store_true", help="forget all that is stored, first")
    parser.add_argument("--show", action="store_true", help="measure nothing, print the tables")
    parser.add_argument("--write-readme", action="store_true", help="fill in the README's tables")
    options = parser.parse_args()
    for task in options.tasks:
        if task not in (*names, COST):
            parser.error(f"no run is called {task!r}; there are {', '.join(names)}, {COST}")
    options.tasks = options.tasks or [*longest_first(names), COST]
    return options


def longest_first(names: list[str]) -> list[str]:
    """Runs that a peer is measured on before the others, so that no worker is late."""
    return sorted(names, key=lambda name: len(settings_by_side(RUNS[name])), reverse=True)


def measure_all(options: argparse.Namespace) -> None:
    """Every task in a process tree of its own, one thread each."""
    if options.fresh:
        results.RESULTS.unlink(missing_ok=True)
    results.append(results.machine())
    context = get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, initializer=prepare) as executor:
        jobs = [
            executor.submit(measure, task, options.seeds, options.peer_seeds, options.again)
            for task in options.tasks
        ]
        try:
            for job in as_completed(jobs):
                print(f"{job.result()}: done", flush=True)
        except KeyboardInterrupt:
            executor.shutdown(cancel_futures=True)
            sys.exit(
                "Interrupted: what was measured is stored; the same command goes on from here."
            )


def main() -> None:
    """Measure, show, write."""
    options = parse_arguments()
    if options.check_workers:
        print(f"{cost_of_company(options.workers):.3f} of the CPU seconds of one worker")
        return
    if not options.show:
        measure_all(options)
        results.tidy()
    for table in tables.tables().values():
        print(f"\n{table}")
    if options.write_readme:
        tables.write_readme()


if __name__ == "__main__":
    main()
