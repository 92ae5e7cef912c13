"""Watches the health of a training, and says in words what is wrong."""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.types import Array
from .base import Callback, Logs
from .layer_health import LayerHealth, ReluOutputs, gradient_norms, norm, ratio, weight_matrices

_MANY_DEAD = 0.5  # share of a layer's units
_GROWTH = 10.0  # of a weight matrix: since the start, and beyond √units, the norm with variance 1/fan_in
_SMALL_UPDATE, _LARGE_UPDATE = 1e-5, 1e-1  # of a weight matrix, in one step; about 1e-3 is healthy
_LARGE_FIRST_UPDATE = 1.0  # Adam's first step changes each weight by the rate, ten times as much as later ones
_FALL = 0.9  # of the first loss; below it, training has made progress
_RISE = 3.0  # times the least loss, and at least half of the first loss: lost progress; or times the first loss
_NEAR_CHANCE = 0.02  # of accuracy; or a tenth of the range above chance, if that is less
_EPOCHS_NEAR_CHANCE = 2
_SMALLER_STEPS = "Try a smaller learning rate, or scale the features."


@dataclass(frozen=True)
class Finding:
    """A problem of a training run; `str` gives the message.

    Attributes
    ----------
    epoch : int
        The epoch in which it was found, from 0.
    kind : str
        ``"dead"``, ``"exploding weights"``, ``"exploding loss"``, ``"small updates"``, ``"large updates"`` or
        ``"chance"``.
    layer : int or None
        The layer with the problem.
    message : str
        The observation, and what to try.

    Examples
    --------
    >>> import fastmlp as fm
    >>> print(fm.callbacks.Finding(3, "dead", 0, "layer 0: all units are dead"))
    layer 0: all units are dead
    """

    epoch: int
    kind: str
    layer: int | None
    message: str

    def __str__(self) -> str:
        return self.message


class Diagnosis(Callback):
    """Says in words what goes wrong in training, each problem once.

    It finds layers with dead ReLU units, exploding weights and losses, updates that are too small or too large for the
    weights (about 1e-3 of them is healthy; measured at the first batch of an epoch), and accuracy that stays near
    chance.

    Parameters
    ----------
    every : int, default 1
        The number of epochs from one check to the next.
    x : array_like, shape (rows, features), optional
        A sample of the training data; the first 1000 rows are used. Without it, dead units cannot be found.
    y : array_like, shape (rows,) or (rows, classes), optional
        The labels of the sample: the share of the largest class is the accuracy of guessing. Without them, classes
        count as equally large, and gradients are not measured.
    stream : text stream, optional
        The output for messages. Default: standard output.

    Attributes
    ----------
    findings : list of Finding
        The problems found in this run.
    layers : list of LayerHealth
        The figures of the latest check, for each layer with weights.

    Examples
    --------
    >>> import io
    >>> import fastmlp as fm
    >>> (x, y), _ = fm.datasets.digits(400, 100)
    >>> model = fm.mlp([16], classes=10, seed=0)
    >>> model.build(x.shape[1])
    >>> model.layers[0].bias = [-1000.0] * 16  # no unit ever gets above 0
    >>> diagnosis = fm.callbacks.Diagnosis(x=x, y=y, stream=io.StringIO())
    >>> history = model.fit(x, y, epochs=1, verbose=0, callbacks=[diagnosis])
    >>> print(diagnosis.findings[0])
    layer 0: 100 % of its 16 ReLU units are 0 for every row of the sample. Nothing gets through such units, and they
    cannot recover: try a smaller learning rate, features scaled to about -1 to 1, or he_normal weights.
    """

    def __init__(self, every: int = 1, *, x: Any = None, y: Any = None, stream: TextIO | None = None) -> None:
        self.every = check.whole_number(every, "every", minimum=1)
        self.stream = check.text_stream(stream, "stream")
        self.findings: list[Finding] = []
        self.layers: list[LayerHealth] = []
        self._x, self._y = x, y
        self._chance = None if y is None else _largest_share(y)

    def __repr__(self) -> str:
        kinds = [finding.kind + f" (layer {finding.layer})" * (finding.layer is not None) for finding in self.findings]
        return f"<Diagnosis: {', '.join(kinds) or 'nothing found'}>"

    # ------------------------------------------------------------ hooks

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self.findings, self.layers, self._said = [], [], 0
        self._epoch = run_info["first_epoch"]
        self._losses: list[float] = []  # of the first batches, then of epochs
        self._near_chance = 0
        self._before: dict[int, Array] = {}
        self._update_ratios: dict[int, float] = {}
        self._norms_at_start = {number: norm(kernel) for number, kernel in weight_matrices(self.model).items()}
        self._outputs = None if self._x is None else ReluOutputs(self.model, self._x)
        if self._chance is None:
            self._chance = 1 / max(1, self.model.layers[-1].units)

    def on_epoch_begin(self, epoch: int) -> None:
        self._say()  # not at the epoch's end, when its progress line is not finished
        self._epoch = epoch
        if epoch % self.every == 0:
            self._large_update = _LARGE_UPDATE if self.model.engine.step else _LARGE_FIRST_UPDATE
            self._before = weight_matrices(self.model)
            self.every_batches = 1  # the first call of the epoch makes one update, which is then measured

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        if not self._losses:
            self._losses.append(logs["loss"])
        if self.every_batches is not None:
            after = weight_matrices(self.model)
            before, self._before = self._before, {}
            self._update_ratios = {n: ratio(norm(after[n] - kernel), norm(kernel)) for n, kernel in before.items()}
            self.every_batches = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._losses.append(logs["loss"])
        if epoch % self.every == 0:
            self.layers = list(self._measure())
            for layer in self.layers:
                self._judge_units(layer)
            for layer in self.layers:
                self._judge_weights(layer)
        self._judge_loss()
        self._judge_accuracy(logs)

    def on_train_end(self, reason: str) -> None:
        self.every_batches = None
        if reason == "diverged":
            after = "after a promising start" if self._has_fallen else "from the start"
            self._find("exploding loss", None, f"the loss explodes {after}, to NaN or infinity. {_SMALLER_STEPS}")
        self._say()

    # ------------------------------------------------------------ looking

    def _measure(self) -> Iterator[LayerHealth]:
        dead = {} if self._outputs is None else self._outputs.dead_units()
        has_sample = self._x is not None and self._y is not None
        gradients = gradient_norms(self.model, self._x, self._y) if has_sample else {}
        for number, kernel in weight_matrices(self.model).items():
            size = norm(kernel)
            yield LayerHealth(
                layer=number,
                weight_norm=size,
                growth=ratio(size, self._norms_at_start.get(number, 0.0)),
                update_ratio=self._update_ratios.get(number, math.nan),
                dead_units=dead.get(number, math.nan),
                gradient_norm=gradients.get(number, math.nan),
            )

    @property
    def _has_fallen(self) -> bool:
        return bool(self._losses) and min(self._losses) < _FALL * self._losses[0]

    def _judge_units(self, layer: LayerHealth) -> None:
        units = self.model.layers[layer.layer].units
        if layer.dead_units >= _MANY_DEAD:
            self._find(
                "dead",
                layer.layer,
                f"layer {layer.layer}: {100 * layer.dead_units:.0f} % of its {units} ReLU units are 0 for every row of "
                "the sample. Nothing gets through such units, and they cannot recover: try a smaller learning rate, "
                "features scaled to about -1 to 1, or he_normal weights.",
            )

    def _judge_weights(self, layer: LayerHealth) -> None:
        name, units = f"layer {layer.layer}", self.model.layers[layer.layer].units
        if layer.growth > _GROWTH and layer.weight_norm > _GROWTH * math.sqrt(units):
            message = f"{name}: its weights explode, to {layer.growth:.0f} times their size before training."
            self._find("exploding weights", layer.layer, f"{message} {_SMALLER_STEPS}")
        if layer.update_ratio > self._large_update:
            message = f"{name}: one update changes the weights by {layer.update_ratio:.1e} of their size"
            self._find("large updates", layer.layer, f"{message}; about 1e-03 is healthy. {_SMALLER_STEPS}")
        # After success small updates are normal, and behind dead units nothing learns at any rate.
        is_slow = not self._has_fallen and not self._found("dead")
        if layer.update_ratio < _SMALL_UPDATE and is_slow:
            self._find(
                "small updates",
                layer.layer,
                f"{name}: one update changes the weights by {layer.update_ratio:.1e} of their size, and the loss "
                "hardly falls; about 1e-03 is healthy. Try a larger learning rate.",
            )

    def _judge_loss(self) -> None:
        first, least, latest = self._losses[0], min(self._losses), self._losses[-1]
        if self._has_fallen and latest > max(_RISE * least, first / 2):
            self._find(
                "exploding loss",
                None,
                f"the loss explodes after a promising start: it fell from {first:.4g} to {least:.4g}, and is "
                f"{latest:.4g} now. {_SMALLER_STEPS}",
            )
        elif not self._has_fallen and latest > _RISE * first:
            message = f"the loss explodes from the start: it was {first:.4g}, and is {latest:.4g} now."
            self._find("exploding loss", None, f"{message} {_SMALLER_STEPS}")

    def _judge_accuracy(self, logs: Logs) -> None:
        assert self._chance is not None
        limit = self._chance + min(_NEAR_CHANCE, (1 - self._chance) / 10)
        self._near_chance = self._near_chance + 1 if logs.get("accuracy", logs.get("acc", math.inf)) <= limit else 0
        if self._near_chance >= _EPOCHS_NEAR_CHANCE:
            better = "larger" if self._found("small updates") else "smaller"
            self._find(
                "chance",
                None,
                f"training stalls near chance: accuracy is {100 * logs['accuracy']:.2f} %, and guessing one class "
                f"reaches {100 * self._chance:.2f} %. Are the features scaled (pixels divided by 255, columns "
                f"standardised)? If they are, try a {better} learning rate.",
            )

    def _found(self, kind: str) -> bool:
        return kind in [finding.kind for finding in self.findings]

    def _find(self, kind: str, layer: int | None, message: str) -> None:
        if (kind, layer) in [(finding.kind, finding.layer) for finding in self.findings]:
            return
        self.findings.append(Finding(self._epoch, kind, layer, message))

    def _say(self) -> None:
        stream = self.stream or sys.stdout
        for finding in self.findings[self._said :]:
            if stream is not None:
                print(f"diagnosis, epoch {finding.epoch + 1}: {finding}", file=stream, flush=True)
        self._said = len(self.findings)


def _largest_share(y: Any) -> float:
    """The share of rows of the largest class."""
    labels = check.array_of(y, "y")
    try:
        return _share(labels)
    except (TypeError, ValueError) as error:  # of a wrong shape, or not sortable
        raise ArgumentError(f"y must be class numbers or rows of class targets: {error}") from None


def _share(labels: Array) -> float:
    if labels.size == 0 or labels.ndim not in (1, 2):
        raise ValueError(f"the shape is {labels.shape}")
    if labels.ndim == 2 and labels.shape[1] > 1:
        labels = labels.argmax(axis=1)
    return float(np.unique(labels, return_counts=True)[1].max() / labels.size)
