"""``fastmlp benchmark``: the short form of the benchmark suite."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace

from .._base.files import write_atomically
from .._compiling import threads as _threads
from .._contest import WORKLOADS, Arena, Job, Result, Workload, machine, phases, table
from .._contest.contestants import CONTESTANTS, OURS, Contestant
from .usage import UsageError, check_outputs

_PREDICTED_ROWS = (1, 64, 60_000)


def run(args: argparse.Namespace) -> int:
    """Measure, and print one table."""
    if args.phases:
        return _print_phases(args)
    check_outputs({"--json": args.json}, {})
    if sys.platform == "win32":
        raise UsageError("contestants' processes need Linux or macOS; --phases works here too")
    chosen = _chosen(args.only)
    facts = machine.facts(chosen)
    for name, value in facts.items():
        print(f"{name + ':':<10} {value}")
    threads = min(args.threads or _threads.get_num_threads(), _threads.available_threads())
    print(f"{'threads:':<10} {threads}\n")
    report = _progress()
    with Arena(chosen, threads, timeout=args.timeout, report=report) as arena:
        results = {str(job): arena.run(job, args.rounds) for job in jobs(args.rows)}
    report("")
    print("\n".join(table.lines(results.items())))
    if args.json:
        named = {name: [result.as_dict() for result in found] for name, found in results.items()}
        content = {"machine": facts, "threads": threads, "results": named}
        write_atomically(args.json, json.dumps(content, indent=1).encode())
    return 0 if all(_ours(found).seconds for found in results.values()) else 1


def _print_phases(args: argparse.Namespace) -> int:
    """Print the milliseconds of an epoch by phase, on one thread and on all."""
    if args.only is not None or args.json is not None:
        raise UsageError("--phases goes with --rounds, --rows and --threads alone")
    most = min(args.threads or _threads.get_num_threads(), _threads.available_threads())
    for workload in _trained(args.rows):
        found = {n: phases.measure(workload, n, args.rounds) for n in sorted({1, most})}
        print(f"{workload}: milliseconds of an epoch")
        print(f"  {'':10}" + "".join(f"{n:>4} thread{'s' if n > 1 else ' '}" for n in found))
        for phase in phases.PHASES:
            print(f"  {phase:10}" + "".join(f"{found[n][phase]:12.1f}" for n in found))
        print(f"  {'all':10}" + "".join(f"{sum(found[n].values()):12.1f}" for n in found) + "\n")
    return 0


def jobs(rows: int | None) -> list[Job]:
    """The jobs: training of two networks, and predictions of one, some and many rows."""
    trained = _trained(rows)
    most = replace(trained[0], rows=max(_PREDICTED_ROWS) if rows is None else rows)
    predicted = sorted({min(count, most.rows) for count in _PREDICTED_ROWS})
    return [*map(Job, trained), *(Job(most, count) for count in predicted)]


def _trained(rows: int | None) -> list[Workload]:
    trained = [WORKLOADS[name] for name in ("W1", "W4")]
    return [workload if rows is None else replace(workload, rows=rows) for workload in trained]


def _chosen(names: list[str] | None) -> list[Contestant]:
    """The contestants with these names, after fastmlp, to which all others are compared."""
    if names is None:
        return [contestant for contestant in CONTESTANTS.values() if contestant.is_installed]
    unknown = [name for name in names if name.lower() not in {known.lower() for known in CONTESTANTS}]
    if unknown:
        raise UsageError(f"--only: there is no {unknown[0]!r}; there are: {'; '.join(CONTESTANTS)}")
    wanted = {OURS, *(name.lower() for name in names)}
    return [contestant for name, contestant in CONTESTANTS.items() if name.lower() in wanted]


def _ours(results: list[Result]) -> Result:
    return next(result for result in results if result.name == OURS)


def _progress() -> Callable[[str], None]:
    """Show the present measurement on one line of the terminal, which is erased at the end."""
    if sys.stderr is None or not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
