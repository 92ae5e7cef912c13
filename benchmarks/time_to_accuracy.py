"""Seconds of training until a test accuracy is reached."""

from __future__ import annotations

import statistics

from fastmlp._contest import WORKLOADS, Arena, Job
from fastmlp._contest.contestants import OURS, Contestant
from fastmlp._contest.table import seconds
from fastmlp.datasets import load

from .report import Data, Options, plural, say, table

TITLE = "Time to 97 % on MNIST"
ACCURACY = 0.97
_MOST_EPOCHS = 15


def measure(options: Options) -> Data:
    """Answers by contestant, one for each seed."""
    from fastmlp import DataFileError

    try:
        load("mnist")
    except DataFileError as error:
        return {"note": f"MNIST is not here: {str(error).splitlines()[0]}"}
    accuracy, seeds = (0.5, 1) if options.quick else (ACCURACY, 3)
    threads = max(options.threads)
    found: dict[str, list[Data]] = {}
    with Arena([c for c in options.contestants if _takes_part(c)], threads, report=say) as arena:
        for seed in range(seeds):
            answers = arena.reach(Job(options.sized(WORKLOADS["W1"]), seed=seed), accuracy, _MOST_EPOCHS)
            for name, answer in answers.items():
                found.setdefault(name, []).append(answer)
    return {"accuracy": accuracy, "threads": threads, "answers": found}


def _takes_part(contestant: Contestant) -> bool:
    return contestant.trains and contestant.predicts and contestant.is_like_for_like


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    if "note" in data:
        return [data["note"]]
    rows = [_row(name, answers) for name, answers in data["answers"].items()]
    best = _median(data["answers"].get(OURS, []))
    for row, answers in zip(rows, data["answers"].values(), strict=True):
        mine = _median(answers)
        row[3] = f"{mine / best:.1f}" if mine and best else ""
    count = max(map(len, data["answers"].values()))
    return [
        "Each contestant trains W1 from the initial weights until the accuracy on the 10,000 test images reaches",
        (
            f"{data['accuracy']:.0%}, measured after every epoch, on {plural(data['threads'], 'thread')}. The table "
            f"shows medians of {plural(count, 'seed')}."
        ),
        "The time excludes evaluation and the first call, which compiles.",
        "",
        *table(["", "seconds of training", "epochs", "ratio", "first call"], rows),
    ]


def _row(name: str, answers: list[Data]) -> list[str]:
    reached = [answer for answer in answers if "seconds" in answer]
    if not reached:
        return [name, answers[0].get("note", "–"), "", "", ""]
    times = [answer["seconds"] for answer in reached]
    shown = f"{seconds(statistics.median(times))} ({seconds(min(times))}–{seconds(max(times))})"
    epochs = ", ".join(str(answer["epochs"]) for answer in reached)
    return [name, shown, epochs, "", seconds(answers[0]["first_call"])]  # later seeds find it compiled


def _median(answers: list[Data]) -> float | None:
    times = [answer["seconds"] for answer in answers if "seconds" in answer]
    return statistics.median(times) if times else None
