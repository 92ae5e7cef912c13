"""Seconds per epoch of every contestant, on every workload, on one thread and on all."""

from __future__ import annotations

from fastmlp._contest import WORKLOADS, Arena, Job, Result, Workload
from fastmlp._contest.table import seconds

from .report import Data, Options, best_peer, ours, plural, results_of, say, spread, table

TITLE = "Training"

_INTRODUCTION = """\
The tables show seconds per epoch: the median of the rounds, with the least and the greatest. The ratio divides a
contestant's time by fastmlp's in the same round and is the median over the rounds; above 1, fastmlp is faster. The best
peer is **bold**. "Loss differs" is the relative difference between the contestant's loss in the first epoch and NumPy's
in float64; contestants above 0.001 are not compared. fastmlp's time includes drawing the order of the rows, which the
other contestants receive. fastmlp with uint8 rows is shown for information and not compared."""


def measure(options: Options) -> Data:
    """Results by number of threads and workload, and what importing the libraries took."""
    found: Data = {"results": {}, "import_seconds": {}}
    for threads in options.threads:
        with Arena(options.contestants, threads, report=say) as arena:
            jobs = [Job(options.sized(workload)) for workload in WORKLOADS.values()]
            results = {job.workload.name: arena.run(job, options.rounds) for job in jobs}
        found["results"][str(threads)] = {name: [r.as_dict() for r in rs] for name, rs in results.items()}
        found["import_seconds"] |= arena.import_seconds
    found["workloads"] = {name: options.sized(workload).__dict__ for name, workload in WORKLOADS.items()}
    return found


def workload_of(data: Data, name: str) -> Workload:
    """A workload as it was measured."""
    fields = data["workloads"][name]
    return Workload(**{**fields, "widths": tuple(fields["widths"])})


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    text = [*_INTRODUCTION.splitlines(), "", "![Seconds per epoch of W1](performance/training.svg)"]
    for name in data["workloads"]:
        text += ["", f"### {name}", "", *_workload_lines(data, name)]
    return text


def _workload_lines(data: Data, name: str) -> list[str]:
    workload = workload_of(data, name)
    columns = {int(threads): results_of(found[name]) for threads, found in data["results"].items()}
    times = [cell for threads in columns for cell in (plural(threads, "thread"), "ratio")]
    header = ["", *times, f"GFLOP/s, {plural(max(columns), 'thread')}", "first call", "loss differs"]
    rows = [_row(name, columns, workload) for name in timed(columns)]
    text = [f"{workload}: {workload.parameters:,} parameters, {workload.gflop:.3g} GFLOP per epoch.", ""]
    text += table(header, rows)
    mine = ours(columns[max(columns)])
    if workload.rows != 60_000 and workload.data == "images" and mine:
        whole = mine.median * 60_000 / workload.rows
        text += ["", f"In proportion, fastmlp would take {seconds(whole)} for 60,000 rows."]
    return text + notes(columns)


def _row(name: str, columns: dict[int, list[Result]], workload: Workload) -> list[str]:
    cells, last = timings(name, columns)
    rate = f"{workload.gflop / last.median:.0f}"
    first = "" if last.first_call is None else seconds(last.first_call)
    differs = "" if last.deviation is None else f"{last.deviation:.0e}"
    return [name, *cells, rate, first, differs]


def timed(columns: dict[int, list[Result]]) -> list[str]:
    """Names of those who have a time; the others are in the notes."""
    return list(dict.fromkeys(r.name for results in columns.values() for r in results if r.seconds))


def timings(name: str, columns: dict[int, list[Result]]) -> tuple[list[str], Result]:
    """Cells of time and ratio for each number of threads, and the last result that there is."""
    cells, last = [], Result(name)
    for results in columns.values():
        result = next((r for r in results if r.name == name), Result(name))
        cells += _timing(result, best_peer(results) is result)
        last = result if result.seconds else last
    return cells, last


def _timing(result: Result, is_best: bool) -> list[str]:
    if not result.seconds:
        return ["–", ""]
    mark = "**" if is_best else ""
    return [
        f"{mark}{spread(result.seconds)}{mark}",
        "" if result.ratio is None or not result.is_compared else f"{result.ratio:.2f}",
    ]


def notes(columns: dict[int, list[Result]]) -> list[str]:
    """Why somebody is missing, once each."""
    found = dict.fromkeys(f"- {r.name}: {r.note}" for results in columns.values() for r in results if r.note)
    return ["", *found] if found else []
