"""How well a model does: loss, metrics and gradients on rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .._base import naming
from .._base.errors import ArgumentError
from .._base.interruption import uninterrupted
from .._base.types import Array
from .._compiling.threads import resolve_threads
from .._engine.engine import Data
from .chunks import ChunkSource, is_chunks, pairs, refuse_whole
from .network import Building, check_last
from .scores import Scores

if TYPE_CHECKING:
    from ..model import Sequential
    from .gradcheck import GradientCheck


def refuse_overflow(outputs: Array, name: str, dtype: np.dtype[Any]) -> None:
    """Refuse what a network makes of rows that are finite, where it is not.

    Raises
    ------
    ArgumentError
        If there is NaN or infinity.
    """
    wrong = np.argwhere(~np.isfinite(outputs))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ArgumentError(
            f"{name} must not be so large: row {row} is finite, but the network makes numbers of it that are too large "
            f"for {dtype}, and its output {column} {outputs[row, column]}. {_remedy(dtype, 'the features')}"
        )


def _remedy(dtype: np.dtype[Any], what: str) -> str:
    wider = ", or make the model with dtype='float64'" if dtype == np.float32 else ""
    return f"Scale {what}, for example with a fastmlp.Normalization() as first layer{wider}"


class Evaluating(Building):
    """The part of `fastmlp.Sequential` that judges it."""

    def evaluate(self, x: Any, y: Any = None, *, sample_weight: Any = None, n_threads: int | None = None) -> Scores:
        """Loss and metrics on a data set.

        Parameters
        ----------
        x, y, sample_weight : array_like
            As in `fit`; ``x`` may be chunks, which hold their own ``y``.
        n_threads : int, optional

        Returns
        -------
        Scores
            A dict ``{"loss": …, "accuracy": …}`` that unpacks to its values: ``loss, accuracy = model.evaluate(x, y)``.
            See `fastmlp.scores.Scores`.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used, or has numbers so large that the loss is none of the model's dtype any more.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), test = fm.datasets.digits(500, 100)
        >>> model = fm.mlp([16], classes=10, seed=0)
        >>> _ = model.fit(x, y, epochs=3, verbose=0)
        >>> result = model.evaluate(*test)
        >>> loss, accuracy = result
        >>> loss == result.loss == result["loss"], list(result.keys())
        (True, ['loss', 'accuracy'])
        """
        check_last(self.declarations, self.loss, self.metrics)
        resolve_threads(n_threads)
        if is_chunks(x, y):
            refuse_whole({"sample_weight": sample_weight is not None})
            return self._judged(self._evaluate_chunks(x, n_threads))
        data = self._data(x, y, "x", "y", self.engine.program.fan_in, sample_weight)
        return self._judged(self.evaluate_data(data, n_threads), data)

    def _judged(self, scores: dict[str, float], data: Data | None = None) -> Scores:
        """Scores, if their loss is finite; else the row that it fails for is looked for."""
        if not math.isfinite(scores["loss"]):
            if data is not None:
                outputs = np.empty((data.rows, self.engine.program.classes), self.dtype)
                self.engine.predict(data, outputs, None)
                refuse_overflow(outputs, "x", self.dtype)
            self._refuse_loss(scores["loss"])
        return Scores(scores)

    def _refuse_loss(self, loss: float) -> None:
        raise ArgumentError(
            f"the loss of these rows is {loss}, although x and y are finite: it is too large for {self.dtype}. "
            f"{_remedy(self.dtype, 'x and y')}"
        )

    def _evaluate_chunks(self, chunks: ChunkSource, n_threads: int | None) -> dict[str, float]:
        scoring, rows, total, hits = self.scoring, 0, 0.0, 0
        seen: list[tuple[Array, Array]] = []
        for pair in pairs(chunks, 0, shuffle=False, seed=0):
            data = self._data(*pair, "x of a chunk", "y of a chunk", self.engine.program.fan_in)
            outputs = scoring.room(data.rows, self.dtype)
            loss, right = self.engine.evaluate(data, n_threads, outputs=outputs)
            rows, total, hits = rows + data.rows, total + loss * data.rows, hits + right
            if outputs is not None:
                seen.append((data.truth(), outputs))
        report = scoring.report(total / rows + self.engine.penalty(), hits, rows)
        if seen:
            truth, outputs = (np.concatenate(parts) for parts in zip(*seen, strict=True))
            report.update(scoring.of_outputs(truth, outputs))
        return {name: report[name] for name in scoring.names}

    def evaluate_data(
        self, data: Data, n_threads: int | None, cancelled: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """`evaluate` for data that was checked; NaN if ``cancelled()`` on the way."""
        scoring = self.scoring
        outputs = scoring.room(data.rows, self.dtype)
        loss, hits = self.engine.evaluate(data, n_threads, cancelled, outputs)
        return scoring.full_report(loss + self.engine.penalty(), hits, data.rows, data, outputs)

    def gradient_check(
        self, x: Any, y: Any, *, samples: int = 20, step: float = 1e-5, tolerance: float = 1e-5, seed: int = 0
    ) -> GradientCheck:
        """Compare backpropagation with finite differences, in float64, for all rows as one batch.

        The model is left as it is. Where ReLU or another kink lies within a step of a row, the two differ, and not
        because the gradient is wrong: take a smaller step.

        Parameters
        ----------
        x, y : array_like
            As in `fit`; a few rows are enough.
        samples : int, default 20
            Elements of each tensor to look at.
        step : float, default 1e-5
            Of the finite differences.
        tolerance : float, default 1e-5
            Largest error, relative to the largest derivative of the tensor.
        seed : int, default 0
            Chooses the elements.

        Returns
        -------
        GradientCheck
            ``passed``, ``error``, and the derivatives of each tensor; as text it is a table.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(20, 10)
        >>> model = fm.mlp([8], classes=10, activation="tanh", seed=0)
        >>> model.gradient_check(x, y).passed
        True
        """
        from . import gradcheck

        check_last(self.declarations, self.loss, self.metrics)
        return gradcheck.check(
            cast("Sequential", self), x, y, samples=samples, step=step, tolerance=tolerance, seed=seed
        )

    def gradients(self, x: Any, y: Any, *, n_threads: int | None = None) -> tuple[float, list[Array]]:
        """The loss of all rows as one batch, as in training, and its gradient; nothing is changed.

        Parameters
        ----------
        x, y : array_like
            As in `fit`.
        n_threads : int, optional

        Returns
        -------
        loss : float
            With penalties.
        gradients : list of ndarray
            As `get_weights` gives the tensors; zeros for those that are not trained.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(100, 10)
        >>> model = fm.mlp([8], classes=10, seed=0)
        >>> loss, gradients = model.gradients(x, y)
        >>> [gradient.shape for gradient in gradients]
        [(784, 8), (8,), (8, 10), (10,)]
        """
        check_last(self.declarations, self.loss, self.metrics)
        names = self.feature_names, self.classes, self._has_learned_classes
        try:
            self.learn_names(naming.feature_names(x), y)
            data = self._data(x, y, "x", "y")
        finally:
            self.feature_names, self.classes, self._has_learned_classes = names  # nothing was learned from these rows
        self.build(data.width)
        engine = self.engine
        threads = engine.training_threads(data.rows, n_threads)
        with uninterrupted():
            loss, flat = engine.gradient(data, (self.seed, self.position.epoch), threads)
        if not math.isfinite(loss):
            self._refuse_loss(loss)
        return loss, [engine.program.unpack(flat, tensor) for tensor in engine.program.tensors]
