"""The estimators beside scikit-learn's: ``python -m benchmarks.estimators``.

Both train with the same parameters on the same data, in turns, so that whatever else the machine does falls on
both. The table has the median fit times, and cross-validated scores over several seeds with their standard errors.
Kernels are compiled before anything is measured. ``--quick`` shows that it runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastmlp as fm

SOLVERS: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05, "learning_rate": "adaptive"},
    "lbfgs": {"solver": "lbfgs", "max_iter": 100},
}
REST = 0.15  # seconds between two fits: threads of BLAS and OpenMP keep a CPU busy for a while after their last work
LARGE_EPOCHS = 10  # of the large data sets, on which L-BFGS is left out of the scores


class Table(NamedTuple):
    """A data set; ``kind`` is the estimator's name."""

    name: str
    x: Any
    y: Any
    kind: str
    is_large: bool


def tables(*, is_quick: bool) -> Iterator[Table]:
    """The data sets: five that scikit-learn carries, scaled, and two that are made."""
    from sklearn import datasets as theirs
    from sklearn.preprocessing import StandardScaler

    for name in ("digits", "breast_cancer", "wine", "iris", "diabetes"):
        x, y = getattr(theirs, f"load_{name}")(return_X_y=True)
        kind = "MLPRegressor" if name == "diabetes" else "MLPClassifier"
        yield Table(
            name, StandardScaler().fit_transform(x), (y - y.mean()) / y.std() if "R" in kind else y, kind, False
        )
    share = 50 if is_quick else 1
    made = theirs.make_classification(100_000 // share, 50, n_informative=20, n_classes=5, random_state=0)
    yield Table("100,000 x 50, 5 classes", *made, "MLPClassifier", True)
    x, y = theirs.make_regression(50_000 // share, 20, noise=10.0, random_state=0)
    yield Table("50,000 x 20, numbers", x, y / y.std(), "MLPRegressor", True)


def estimator(table: Table, who: str, solver: str, seed: int) -> Any:
    """An estimator of scikit-learn ("sklearn") or of fastmlp, in the precision that its name says."""
    from sklearn import neural_network as theirs

    settings: dict[str, Any] = {**SOLVERS[solver], "random_state": seed}
    if table.is_large:
        settings.update(max_iter=LARGE_EPOCHS, n_iter_no_change=LARGE_EPOCHS + 1)
    if who == "sklearn":
        return getattr(theirs, table.kind)(**settings)
    return getattr(fm, table.kind)(**settings, dtype=who)


WHO = ("sklearn", "float64", "float32")


def fit_seconds(table: Table, solver: str, rounds: int) -> dict[str, dict[str, float]]:
    """Median seconds of a fit of each, and the spread; they take turns."""
    times: dict[str, list[float]] = {who: [] for who in WHO}
    for number in range(rounds + 1):
        for who in WHO if number % 2 else reversed(WHO):
            model = estimator(table, who, solver, seed=0)
            time.sleep(REST)
            start = time.perf_counter()
            model.fit(table.x, table.y)
            if number:  # the first round compiles, and fills caches
                times[who].append(time.perf_counter() - start)
    return {
        who: {"median": statistics.median(found), "least": min(found), "most": max(found)}
        for who, found in times.items()
    }


def scores(table: Table, solver: str, seeds: int) -> dict[str, dict[str, float]]:
    """Mean and standard error of cross-validated scores over seeds, which move the folds too."""
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

    folds = KFold if table.kind == "MLPRegressor" else StratifiedKFold
    found: dict[str, list[float]] = {who: [] for who in WHO}
    for seed in range(seeds):
        split = folds(3 if table.is_large else 5, shuffle=True, random_state=seed)
        for who in WHO:
            model = estimator(table, who, solver, seed)
            found[who].append(float(cross_val_score(model, table.x, table.y, cv=split).mean()))
    error = max(1, seeds) ** 0.5
    return {
        who: {"mean": statistics.mean(values), "error": statistics.stdev(values) / error if seeds > 1 else 0.0}
        for who, values in found.items()
    }


def grid_cpu_seconds(table: Table) -> dict[int, float]:
    """CPU seconds, those of workers included, of a search over 24 candidates and 3 folds, with one and two workers."""
    import os

    from sklearn.model_selection import GridSearchCV

    grid = {
        "alpha": [1e-4, 1e-2, 1.0],
        "hidden_layer_sizes": [(20,), (40,)],
        "learning_rate_init": [1e-3, 1e-2, 0.1, 0.3],
    }
    used = {}
    for n_jobs in (1, 2, 1, 2):
        before = os.times()
        GridSearchCV(estimator(table, "float64", "adam", 0), grid, cv=3, n_jobs=n_jobs).fit(table.x, table.y)
        _end_workers()  # the time of children counts when they have ended
        after = os.times()
        used[n_jobs] = sum(after[:4]) - sum(before[:4])
    return used


def _end_workers() -> None:
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def line(table: Table, solver: str, found: dict[str, Any]) -> str:
    """One line of the report."""
    seconds = {who: found["seconds"][who]["median"] for who in WHO}
    ratios = [seconds["sklearn"] / seconds[who] for who in WHO[1:]]
    text = f"{table.name:26s} {solver:6s} {seconds['sklearn']:9.3f} s"
    text += "".join(f"{ratio:8.1f} x" for ratio in ratios)
    for who, score in found.get("scores", {}).items():
        text += f"   {who} {score['mean']:.4f} ± {score['error']:.4f}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="fits of each that count (default 7)")
    parser.add_argument("--seeds", type=int, default=10, help="cross-validations of each (default 10)")
    parser.add_argument("--only", default="", help="a part of the names of data sets")
    parser.add_argument("--grid", action="store_true", help="also the CPU time of a search with n_jobs=2")
    parser.add_argument("--output", type=Path, help="a JSON file for all figures")
    parser.add_argument("--quick", action="store_true", help="one round on small data, which shows that it runs")
    options = parser.parse_args()
    rounds, seeds = (1, 1) if options.quick else (options.rounds, options.seeds)
    warnings.simplefilter("ignore")
    figures: dict[str, Any] = {}
    print("fit: seconds of scikit-learn, and how many times faster fastmlp is in float64 and in float32")
    chosen = [table for table in tables(is_quick=options.quick) if options.only in table.name]
    for table in chosen:
        for solver in SOLVERS:
            found: dict[str, Any] = {"seconds": fit_seconds(table, solver, rounds)}
            if seeds and not (table.is_large and solver == "lbfgs"):
                found["scores"] = scores(table, solver, 2 if table.is_large and seeds > 2 else seeds)
            figures[f"{table.name}, {solver}"] = found
            print(line(table, solver, found), flush=True)
    if options.grid:
        used = grid_cpu_seconds(next(table for table in chosen if not table.is_large))
        figures["grid"] = used
        ratio = used[2] / used[1]
        print(f"a search of 72 fits: {used[1]:.1f} s of CPU with n_jobs=1, {ratio:.2f} times that with n_jobs=2")
    if options.output is not None:
        options.output.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
