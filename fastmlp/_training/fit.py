"""Training a model, and looking at how well it does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .. import optimizers
from .._base import check, columns, naming
from .._base.errors import ArgumentError, ArgumentTypeError, DivergenceError
from .._base.interruption import uninterrupted
from .._base.types import Array
from .._compiling.threads import resolve_threads
from .._engine import targets
from .._engine.engine import Data
from .._network.chunks import ChunkSource, is_chunks, opened, pairs, refuse_whole
from .._network.history import History
from .._network.inputs import warn_of_merged
from .._network.judging import Evaluating
from .._network.network import check_last, checked_seed
from .._network.scores import Scores
from ..layers import Layer, Normalization, leaves, output_of
from .attempt import attempt
from .chunk_trainer import ChunkTrainer
from .trainer import Settings, Trainer

if TYPE_CHECKING:
    from ..callbacks import Callback
    from ..model import Sequential

_OWN_BATCHES = 2**31  # random layers number batches that are no part of an epoch from here on


class Fitting(Evaluating):
    """The part of `fastmlp.Sequential` that trains it."""

    # ------------------------------------------------------------ training

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        epochs: int = 1,
        *,
        initial_epoch: int = 0,
        verbose: str | int | bool = "auto",
        callbacks: Sequence[Callback] = (),
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        validation_freq: int = 1,
        validation_batches: int | None = None,
        steps_per_epoch: int | None = None,
        shuffle: bool = True,
        class_weight: Mapping[Any, float] | str | None = None,
        sample_weight: Any = None,
        max_time: float | None = None,
        n_threads: int | None = None,
        seed: int | None = None,
        resume: bool = False,
    ) -> History:
        """Train the model.

        Ctrl-C ends training within about a third of a second. Callbacks are told, the model and its ``history`` stay
        usable, and then `KeyboardInterrupt` is raised, so that it ends a program's own loop too.

        Parameters
        ----------
        x : array_like, shape (rows, features), or fastmlp.datasets.Chunks
            An array of uint8 holds pixels (see ``uint8_scale``), and everything else numbers, unless the model has
            learned from another kind before (see ``input_kind``). More dimensions are flattened.
        y : array_like, shape (rows,) or (rows, units)
            What the loss takes: class numbers, labels of classes such as texts, one-hot rows or soft rows; or numbers,
            one for each unit. Chunks, which are in memory one at a time, hold their own: then there is no ``y``.
        batch_size : int, default 32
            Rows in one step. The last batch of an epoch may be smaller. More than there are rows means all, and Rprop
            and L-BFGS always take all.
        epochs : int, default 1
            Number of the last epoch plus one; 0 trains nothing.
        initial_epoch : int, default 0
            Number of the first epoch: ``epochs − initial_epoch`` are trained.
        verbose : {"auto", 0, 1, 2}, default "auto"
            0 silent, 1 a live line for each epoch, 2 a line at each epoch's end. "auto": 1 on a terminal, else 2.
        callbacks : list of Callback
            See `fastmlp.callbacks`.
        validation_split : float, default 0
            Share of the rows, from 0 to below 1, that is set aside for validation: the last ones, before any
            shuffling (as in Keras). `fastmlp.datasets.train_test_split` makes a random, stratified split.
        validation_data : tuple (x, y) or (x, y, sample_weight), optional
            Evaluated after each epoch; not together with ``validation_split``.
        validation_freq : int, default 1
            Epochs from one validation to the next.
        validation_batches : int, optional
            Validate also every so many batches, counted in each epoch; see ``History.validations``.
        steps_per_epoch : int, optional
            An epoch is at most so many batches, the first ones of its order. Default: all.
        shuffle : bool, default True
            A new random order of rows in each epoch: a function of the seed and of how many epochs the model has
            been trained.
        class_weight : dict or "balanced", optional
            Factors of the loss of rows of some classes, by class number or label; the others count 1. "balanced": each
            class counts as much as the others, however many rows it has.
        sample_weight : array_like, shape (rows,), optional
            A factor of each row's loss, at least 0. The loss stays a sum over rows divided by their number.
        max_time : float, optional
            Seconds after which training ends, compilation not counted.
        n_threads : int, optional
            At most this many; default see `fastmlp.set_num_threads`. The result is the same for any number.
        seed : int, optional
            Replaces the model's seed from now on (and before the first `fit` also for the initial weights).
        resume : bool, default False
            Go on with the latest run, in the middle of an epoch if it ended there; ``epochs`` counts from the
            beginning of that run. With the same data and ``batch_size``, the result has the same bits as
            training without the stop, also after `save` and `fastmlp.load`; but with L-BFGS.

        Returns
        -------
        History
            Also kept as ``model.history``.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If an argument cannot be used; nothing was trained then.
        DivergenceError
            If the loss becomes NaN or infinite; the model keeps its last good parameters.
        NotBuiltError
            If the model was not compiled.
        BusyError
            If another thread, or the training whose callback calls this, is training the model.
        KeyboardInterrupt
            After Ctrl-C; ``model.history.stopped`` is ``"interrupted"`` then, if there was a first batch.
        """
        check_last(self.declarations, self.loss, self.metrics)
        batch_size = check.whole_number(batch_size, "batch_size", minimum=1)
        epochs = check.whole_number(epochs, "epochs", minimum=0)
        initial_epoch = check.whole_number(initial_epoch, "initial_epoch", minimum=0)
        validation_split = check.real_number(validation_split, "validation_split", minimum=0, below=1)
        validation_freq = check.whole_number(validation_freq, "validation_freq", minimum=1)
        if max_time is not None:
            max_time = check.real_number(max_time, "max_time", above=0)
        resolve_threads(n_threads)
        listeners = _listeners(callbacks, verbose)
        if check.yes_or_no(resume, "resume") and initial_epoch:
            raise ArgumentError("initial_epoch goes with a new run: resume=True goes on where the latest one ended")
        if validation_batches is not None:
            validation_batches = check.whole_number(validation_batches, "validation_batches", minimum=1)
        if steps_per_epoch is not None:
            steps_per_epoch = check.whole_number(steps_per_epoch, "steps_per_epoch", minimum=1)
        is_number = isinstance(shuffle, (int, np.integer)) and shuffle in (0, 1)
        shuffle = check.yes_or_no(bool(shuffle) if is_number else shuffle, "shuffle")
        chunks: ChunkSource | None = None
        if is_chunks(x, y):
            chunks = x
            refuse_whole(
                {
                    "validation_split": bool(validation_split),
                    "validation_batches": validation_batches is not None,
                    "steps_per_epoch": steps_per_epoch is not None,
                    "sample_weight": sample_weight is not None,
                    "class_weight='balanced'": isinstance(class_weight, str),
                    "resume": resume,
                    f"the optimizer {type(self.optimizer).__name__}": self.optimizer.needs_all_rows,
                }
            )
        with attempt(self):
            if seed is not None:
                self.seed = checked_seed(seed)
            if resume and self.history is None:
                raise ArgumentError("resume=True, but the model has no earlier run to go on with")
            history, first = self._begin_history(resume, initial_epoch)
            if chunks is not None:
                (x, y), stream = opened(chunks, self.position.epoch, shuffle=shuffle, seed=self.seed)
            rows = self._learn_inputs(x, y)
            kept = _kept(len(rows), validation_split)
            if self._adapt(rows[:kept], chunks) and chunks is not None:
                # Again: they were gone through for their statistics.
                _, stream = opened(chunks, self.position.epoch, shuffle=shuffle, seed=self.seed)
            train, validation = self._training_data(rows, y, kept, validation_data, (sample_weight, class_weight))
            warn_of_merged(rows[:kept], train.x, self.feature_names)
            if validation is None and validation_batches is not None:
                raise ArgumentError("validation_batches needs validation_data or validation_split")
            if chunks is None:  # one chunk may lack what all have
                self.scoring.check(train)
                if validation is not None:
                    self.scoring.check(validation, "validation_data")
            self.build(train.width)
            if self.optimizer.needs_all_rows or (chunks is None and batch_size > train.rows):
                batch_size = train.rows
            settings = Settings(
                batch_size,
                epochs,
                first,
                shuffle,
                max_time,
                n_threads,
                validation_freq,
                validation_batches,
                steps_per_epoch,
            )
            run = (cast("Sequential", self), train, validation, settings, listeners, history)
            if chunks is not None:
                read = partial(self._chunks_of, chunks, shuffle, class_weight)
                opening = (self._chunk(pair, class_weight) for pair in stream)
                return ChunkTrainer(opening, read, *run).run()
            if isinstance(self.optimizer, optimizers.LBFGS):
                from .lbfgs import LBFGSTrainer

                return LBFGSTrainer(*run).run()
            return Trainer(*run).run()

    def _chunks_of(self, chunks: ChunkSource, shuffle: bool, class_weight: Any, epoch: int) -> Iterator[Data]:
        for pair in pairs(chunks, epoch, shuffle=shuffle, seed=self.seed):
            yield self._chunk(pair, class_weight)

    def _chunk(self, pair: tuple[Any, Any], class_weight: Any) -> Data:
        names = ("x of a chunk", "y of a chunk")
        rows = self.inputs().rows(pair[0], names[0])
        self.input_kind = self.inputs().learned(rows)  # of all chunks: fractions may come after whole numbers
        return self._weighted(self._data(rows, pair[1], *names), class_weight)

    def _begin_history(self, resume: bool, initial_epoch: int) -> tuple[History, int]:
        if resume:
            history = self.history
            assert history is not None
            following = history.epoch[-1] + 1 if history.epoch else 0
            return history, following - int(history.partial)
        if self.position.batch or (self.history is not None and self.history.partial):
            self.position.epoch += 1  # an epoch that was left unfinished counts as one that was
        self.position.batch = 0
        self.history = History()
        return self.history, initial_epoch

    def _learn_inputs(self, x: Any, y: Any) -> Array:
        """The rows of training data, from which the model learns how to read others, and what the classes are."""
        self.learn_names(naming.feature_names(x), y)
        rows = self.inputs().rows(x, "x")
        self.input_kind = self.inputs().learned(rows)
        return rows

    def _training_data(
        self, rows: Array, y: Any, kept: int, validation_data: tuple[Any, ...] | None, weights: tuple[Any, Any]
    ) -> tuple[Data, Data | None]:
        """The first ``kept`` rows to train on; and the rest, or ``validation_data``, to validate."""
        sample_weight, class_weight = weights
        data = self._data(rows, y, "x", "y", None, sample_weight)
        if validation_data is not None and kept < len(rows):
            raise ArgumentError("give validation_data or validation_split, not both")
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise ArgumentTypeError("validation_data must be a pair (x, y) of arrays, or (x, y, sample_weight)")
            given, names = [*validation_data, None], ("validation_data[0]", "validation_data[1]")
            other = self._data(given[0], given[1], *names, data.width, given[2])
            return self._weighted(data, class_weight), other
        if kept == data.rows:
            return self._weighted(data, class_weight), None
        parts = data.part(0, kept), data.part(kept, data.rows)
        if any(len(part.weights) and not part.weights.any() for part in parts):
            raise ArgumentError("sample_weight must not be 0 for all rows that validation_split puts on one side")
        return self._weighted(parts[0], class_weight), parts[1]

    def _weighted(self, data: Data, class_weight: Any) -> Data:
        """The data with the classes' weights too: of these rows alone, as validation is not weighted by class."""
        if class_weight is None:
            return data
        units = output_of(self.declarations)[0] or 1
        class_weight = naming.weights_of_classes(class_weight, self.classes)
        factors = targets.class_weights(class_weight, data.labels, data.targets, units, self.dtype)
        return dataclasses.replace(data, weights=factors * data.weights if len(data.weights) else factors)

    def _adapt(self, rows: Array, chunks: ChunkSource | None = None) -> bool:
        """Give a first Normalization, unless it has them, the statistics of the data that the model first sees.

        They are those of the rows in the precision in which they came. Of chunks these are all, which are gone through
        once more for it. Returns whether it was so.

        The declaration is replaced, not changed: it may belong to other models too.
        """
        unknown = [layer for layer in leaves(self.declarations) if _is_unknown(layer)]
        is_first = bool(unknown) and unknown[0] is self.declarations[0]
        if len(unknown) > is_first:
            raise ArgumentError(
                "a Normalization that is not the first layer must be given its statistics, with adapt(), before fit()"
            )
        if is_first:
            parts = iter([_finite(rows, "x")]) if chunks is None else self._features_of(chunks)
            scale = self.uint8_scale if rows.dtype == np.uint8 else 1.0
            adapted = cast("Normalization", self.declarations[0]).learned(columns.measured(parts), scale)
            if self._engine is not None:
                self._write_first_statistics(adapted.mean, adapted.variance)
            self.declarations[0] = adapted
        return is_first

    def first_statistics(self) -> tuple[Array, Array] | None:
        """Mean and variance in a first layer that is a Normalization and has not been adapted, once it is built."""
        if self._engine is None or not self.declarations or not _is_unknown(self.declarations[0]):
            return None
        return self._tensor(0, "mean"), self._tensor(0, "variance")

    def set_first_statistics(self, mean: Any, variance: Any) -> None:
        """Give a first layer that is a Normalization its mean and variance; `fit` takes none from its data then.

        Parameters
        ----------
        mean, variance : array_like, shape (features,)

        Raises
        ------
        ArgumentError
            If the first layer is not a Normalization, or the values cannot be used; nothing is changed then.
        NotBuiltError
            If the model has no parameters yet: before that, use the layer's own `fastmlp.Normalization.adapt`.
        """
        self._write_first_statistics(mean, variance)
        self._note_statistics(0, mean=mean, variance=variance)

    def _write_first_statistics(self, mean: Any, variance: Any) -> None:
        if not self.declarations or not isinstance(self.declarations[0], Normalization):
            first = type(self.declarations[0]).__name__ if self.declarations else "missing"
            raise ArgumentError(
                f"the first layer must be a Normalization to have statistics of features, but it is {first}: begin the "
                "layers with fastmlp.Normalization()"
            )
        given = {"mean": mean, "variance": variance}
        self._write((self._find_tensor(0, name), value, name) for name, value in given.items())

    def _features_of(self, chunks: ChunkSource) -> Iterator[Array]:
        inputs = self.inputs()
        for x, _ in pairs(chunks, self.position.epoch, shuffle=False, seed=self.seed):
            rows = inputs.rows(x, "x of a chunk")
            inputs = dataclasses.replace(inputs, width=rows.shape[1])
            yield _finite(rows, "x of a chunk")

    def train_on_batch(
        self, x: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None, n_threads: int | None = None
    ) -> Scores:
        """One optimiser step on one batch, for training loops of your own.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`; all rows are one batch.
        n_threads : int, optional

        Returns
        -------
        Scores
            Loss and metrics of the batch, before the update.

        Raises
        ------
        DivergenceError
            If the loss is NaN or infinite; no step is made then.
        """
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        return self.partial_fit(x, y, batch_size=None, n_threads=n_threads, **weights)

    def partial_fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 32,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        n_threads: int | None = None,
    ) -> Scores:
        """Go on training with rows that come as they come: once through them, in their order.

        The optimiser goes on from call to call. No history is kept.

        Parameters
        ----------
        x, y, sample_weight, class_weight : array_like
            As in `fit`.
        batch_size : int or None, default 32
            Rows in one step; None means all.
        n_threads : int, optional

        Returns
        -------
        Scores
            Loss and metrics over these rows, each batch's before its update.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; the step that would follow is not made.
        BusyError
            If the model is being trained already.
        KeyboardInterrupt
            After Ctrl-C, within about a third of a second; the rows so far have been trained on.
        """
        check_last(self.declarations, self.loss, self.metrics)
        resolve_threads(n_threads)
        if isinstance(self.optimizer, optimizers.LBFGS):
            raise ArgumentError("L-BFGS trains with fit() alone: compile the model with another optimizer")
        if batch_size is not None:
            batch_size = check.whole_number(batch_size, "batch_size", minimum=1)
        with attempt(self):
            rows, is_first = self._learn_inputs(x, y), self._engine is None or self._engine.step == 0
            self._adapt(rows)
            data = self._weighted(self._data(rows, y, "x", "y", None, sample_weight), class_weight)
            self.scoring.check(data)
            if is_first:  # not again for each batch of a stream
                warn_of_merged(rows, data.x, self.feature_names)
            self.build(data.width)
            return Scores(self._steps(data, min(batch_size or data.rows, data.rows), n_threads))

    def _steps(self, data: Data, size: int, n_threads: int | None) -> dict[str, float]:
        """Once through the rows, in their order."""
        engine, scoring, batches = self.engine, self.scoring, -(-data.rows // size)
        outputs = scoring.room(data.rows, self.dtype)
        order, threads = np.arange(data.rows, dtype=np.int64), engine.training_threads(size, n_threads)
        chance = (self.seed, _OWN_BATCHES + engine.step % _OWN_BATCHES)
        rates = self.rates(batches)
        losses_, hits, done = np.empty(batches), 0, 0
        in_a_call = engine.batches_in_a_call(size)
        while done < batches:
            some = rates[done : done + in_a_call]
            with uninterrupted():  # what is trained is counted
                trained, right = engine.train(data, order, done, some, size, threads, chance=chance, outputs=outputs)
            losses_[done : done + len(trained)] = trained
            done, hits = done + len(trained), hits + int(right.sum())
            if len(trained) < len(some):
                raise DivergenceError(f"the loss of batch {done} (from 0) is NaN or infinite: no step was made")
        if engine.has_running_statistics and self.optimizer.needs_all_rows:  # as at the end of an epoch
            engine.take_statistics(data, order, size, batches, threads, chance, lambda: False)
        sizes = np.minimum(size, data.rows - size * np.arange(batches))
        loss = float(losses_ @ sizes) / data.rows
        return scoring.full_report(loss, hits, data.rows, data, outputs)

    def swap_averaged_weights(self) -> None:
        """Exchange the weights and their running average, which an optimiser with ``ema_momentum`` keeps.

        The average is what usually predicts better. A second call brings the trained weights back, which should be
        done before training goes on.

        Raises
        ------
        ArgumentError
            If there is no average.

        Examples
        --------
        >>> import fastmlp as fm
        >>> (x, y), _ = fm.datasets.digits(500, 100)
        >>> model = fm.mlp([16], classes=10, seed=0)
        >>> model.compile(fm.Adam(ema_momentum=0.99))
        >>> _ = model.fit(x, y, verbose=0)
        >>> model.swap_averaged_weights()
        """
        updates = self.engine.step // self.optimizer.gradient_accumulation_steps
        if self.optimizer.ema_momentum is None or updates == 0:
            raise ArgumentError("there is no average of weights: train with an optimizer that has an ema_momentum")
        self.engine.swap_averaged()


def _kept(rows: int, validation_split: float) -> int:
    """Rows that are left to train on."""
    share = check.real_number(validation_split, "validation_split", minimum=0, below=1)
    if share == 0:
        return rows
    kept = rows - max(1, math.ceil(rows * share - 1e-9))  # 0.2 of 10 rows is 2, not 3
    if kept == 0:
        raise ArgumentError(f"validation_split={validation_split} leaves none of the {rows} rows to train on")
    return kept


def _finite(rows: Array, name: str) -> Array:
    if rows.dtype.kind == "f":
        check.refuse_non_finite(rows, rows, name)
    return rows


def _is_unknown(layer: Layer) -> bool:
    return isinstance(layer, Normalization) and layer.mean is None


def _listeners(given: Any, verbose: str | int | bool) -> list[Callback]:
    from ..callbacks import listeners  # which need not be imported to predict

    return listeners(given, verbose)
