"""How ``fastmlp train`` trains a network on a raw table: defaults that suit most, and early stopping."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import optimizers
from ..callbacks import EarlyStopping
from ..model import Sequential, mlp
from ..tables.encoder import TableEncoder
from .one_line import OneLine
from .raw import REGRESSION, Array
from .table_rows import Question, Rows, divided

VALIDATION = 0.1  # the share of the training rows that early stopping looks at
_FEW = 10  # rows: with fewer, all are trained on
_EPOCHS = 200
_HIDDEN, _ACTIVATION = (256, 128), "gelu"
_PATIENCE = ((10_000, 20), (100_000, 10))  # epochs for tables of fewer rows than this
_BATCHES = ((200_000, 128),)  # rows in a batch, likewise


@dataclass(frozen=True)
class Recipe:
    """How models are trained on rows of a table; options of the command replace its defaults."""

    args: argparse.Namespace
    question: Question

    def new_model(self, encoder: TableEncoder, seed: int) -> Sequential:
        """A new model that reads the table with this encoder."""
        args, target = self.args, self.question.target
        is_regression = target.task == REGRESSION
        dtype = args.dtype or "float32"
        made = mlp(
            list(_HIDDEN) if args.layers is None else args.layers,
            None if is_regression else list(target.labels),
            task=target.task,
            activation=args.activation or _ACTIVATION,
            dtype=dtype,
        )
        model = Sequential([encoder, *made.declarations], dtype=dtype, seed=seed, classes=made.classes)
        optimizer = optimizers.get(args.optimizer or "adam")
        if args.learning_rate is not None:
            optimizer = dataclasses.replace(optimizer, learning_rate=args.learning_rate)
        model.compile(optimizer, args.loss or made.loss, ["mae", "r2"] if is_regression else ["accuracy"])
        return model

    def parts(self, rows: Rows, seed: int) -> tuple[Rows, Rows | None]:
        """The rows to train on, and those that decide when to stop."""
        share = VALIDATION if self.args.validation_split is None else self.args.validation_split
        return divided(self.question, rows, share, seed) if share and len(rows) >= _FEW else (rows, None)

    def train(self, model: Sequential, train: Rows, held: Rows | None, line: OneLine) -> bool:
        """Train a model; returns whether it was interrupted."""
        args = self.args
        scale = _Scale.of(train.y) if self.question.target.task == REGRESSION else None
        callbacks: list[Any] = [line]
        if held is not None:
            callbacks.append(EarlyStopping(patience=_among(_PATIENCE, len(train), 5), restore_best_weights=True))
        interrupted = False
        try:
            model.fit(
                train.columns,
                _targets(train, scale),
                batch_size=min(args.batch_size or _among(_BATCHES, len(train), 256), len(train)),
                epochs=_EPOCHS if args.epochs is None else args.epochs,
                verbose=0,
                callbacks=callbacks,
                validation_data=None if held is None else (held.columns, _targets(held, scale)),
                sample_weight=train.weights,
                max_time=args.max_time,
                n_threads=args.threads,
            )
        except KeyboardInterrupt:
            if model.history is None or model.history.stopped != "interrupted":
                raise  # no training that could be saved
            interrupted = True
        finally:
            if scale is not None and model.is_built:
                scale.undo(model)
        return interrupted


@dataclass(frozen=True)
class _Scale:
    """Targets of a regression are trained with mean 0 and deviation 1; afterwards the last layer scales them back."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, y: Array) -> _Scale:
        return cls(float(y.mean()), float(y.std()) or 1.0)

    def undo(self, model: Sequential) -> None:
        """Let a model that was trained on scaled targets predict the targets themselves."""
        *others, kernel, bias = model.get_weights()
        model.set_weights([*others, kernel * self.deviation, bias * self.deviation + self.mean])


def _targets(rows: Rows, scale: _Scale | None) -> Array:
    return rows.y if scale is None else np.asarray((rows.y - scale.mean) / scale.deviation)


def _among(steps: tuple[tuple[int, int], ...], rows: int, last: int) -> int:
    return next((value for most, value in steps if rows < most), last)
