"""Predictions of one row, 64 and 60,000."""

from __future__ import annotations

from dataclasses import replace

from fastmlp._contest import WORKLOADS, Arena, Job
from fastmlp._contest.table import seconds

from .report import Data, Options, plural, results_of, say, table
from .training import notes, timed, timings

TITLE = "Inference"
ROWS = (1, 64, 60_000)

_INTRODUCTION = """\
The network is 784-128-64-10 in float32. A call takes a NumPy array and returns a NumPy array of probabilities; fastmlp
writes into a given array (`model.predict(x, out=out)`). Each round repeats the call for 0.05 s; the tables show the
time of one call."""


def measure(options: Options) -> Data:
    """Results by number of threads and of rows."""
    found: Data = {}
    for threads in options.threads:
        with Arena(options.contestants, threads, report=say) as arena:
            most = replace(WORKLOADS["W1"], rows=1_000 if options.quick else max(ROWS))
            jobs = {rows: Job(most, min(rows, most.rows)) for rows in ROWS}
            results = {rows: arena.run(job, options.rounds) for rows, job in jobs.items()}
        found[str(threads)] = {str(rows): [r.as_dict() for r in rs] for rows, rs in results.items()}
    return {"results": found}


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    text = _INTRODUCTION.splitlines()
    for rows in ROWS:
        columns = {int(threads): results_of(found[str(rows)]) for threads, found in data["results"].items()}
        header = ["", *(h for n in columns for h in (plural(n, "thread"), "ratio")), "per row", "first call"]
        body = []
        for name in timed(columns):
            cells, last = timings(name, columns)
            body.append([name, *cells, seconds(last.median / rows), seconds(last.first_call or 0.0)])
        text += ["", f"### {plural(rows, 'row')}", "", *table(header, body), *notes(columns)]
    return text
