"""One run of a sweep: trains, evaluates and saves a model."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..._base.errors import DivergenceError
from ..._base.interruption import Interruption
from ..._compiling.waiting import working_time
from ..._network.history import History
from ...callbacks import Callback
from ...model import Sequential
from ..workers import StopSoon, no_callbacks
from .data import SweepData
from .folder import Folder
from .models import identity
from .result import DIVERGED, FAILED, FINISHED, INTERRUPTED, SweepRun
from .settings import Given, Request, described

MakeCallbacks = Callable[[Mapping[str, Any]], Iterable[Callback]]

_NO_CALLBACKS = "fastmlp.workers._no_callbacks"  # in the records of all versions
_NOT_METRICS = ("seconds", "learning_rate")  # of what a history holds


class Task:
    """A request with its model. `run` can be called once, from any thread."""

    def __init__(
        self, request: Request, model: Sequential, data: SweepData, folder: Folder | None, make_callbacks: MakeCallbacks
    ) -> None:
        self.request = request
        self.model: Sequential | None = model
        self.dtype = model.dtype
        self._data = data
        self._folder = folder
        self._make_callbacks = make_callbacks
        self._identity: dict[str, Any] = {}
        if folder is not None:
            callbacks = _NO_CALLBACKS if make_callbacks is no_callbacks else described(make_callbacks)
            rest = {"callbacks": callbacks, "data": data.digest}
            self._identity = {**identity(model, request), **rest}

    def find(self) -> SweepRun | None:
        """The run of an earlier sweep in the folder, if it was the same."""
        found = None if self._folder is None else self._folder.find(self.request.name, self._identity)
        return None if found is None else found.replace(settings=self.request.settings)

    def run(self, interruption: Interruption, n_threads: int | None) -> SweepRun:
        """Train. The result reports errors instead of raising them; the sweep raises the first Ctrl-C."""
        assert self.model is not None
        model, self.model = self.model, None  # so that its memory is freed after it is saved
        directions = {metric.name: metric.higher_is_better for metric in model.metrics}
        run = SweepRun(self.request.name, self.request.settings, higher_is_better=directions)
        start = working_time()
        try:
            was_cut = self._train(model, interruption, n_threads)
            if was_cut:
                run = run.replace(status=INTERRUPTED)
            else:
                run = run.replace(status=FINISHED, metrics=self._metrics(model, n_threads))
        except DivergenceError as error:
            run = run.replace(status=DIVERGED, reason=str(error))
        except Exception as error:
            run = run.replace(status=FAILED, reason=f"{type(error).__name__}: {error}")
        return self._kept(run.replace(history=model.history, seconds=working_time() - start), model)

    def _train(self, model: Sequential, interruption: Interruption, n_threads: int | None) -> bool:
        """Train; returns whether Ctrl-C interrupted it."""
        (x, y), validation = self._data.for_model(model)
        settings = self.request.fit_settings
        settings["sample_weight"], of_validation = self._data.weights(settings.get("sample_weight"))
        self._data.name_for(model)
        stop = StopSoon(interruption)
        given = {**self.request.settings, "name": self.request.name, "seed": self.request.seed}
        try:
            model.fit(
                x,
                y,
                callbacks=[stop, *(self._make_callbacks(Given(given)) or ())],
                validation_data=None if validation is None else (*validation, of_validation),
                verbose=0,
                n_threads=n_threads,
                seed=self.request.seed,
                **settings,
            )
        except KeyboardInterrupt:
            if not interruption.has_happened():
                raise
        history = model.history or History()
        is_complete = len(history.epoch) == settings["epochs"] and not history.partial
        was_stopped = stop.has_stopped or history.stopped != "finished"
        return interruption.is_over and was_stopped and not is_complete

    def _metrics(self, model: Sequential, n_threads: int | None) -> dict[str, float]:
        """The metrics of the last epoch, and of the final model (perhaps of a better epoch) on validation data."""
        history = model.history or History()
        names = [name for name in history if name not in _NOT_METRICS and not name.startswith("val_")]
        values = {name: history[name][-1] for name in names}
        _, validation = self._data.for_model(model)
        if validation is not None:
            _, weights = self._data.weights(self.request.fit_settings.get("sample_weight"))
            scores = model.evaluate(*validation, sample_weight=weights, n_threads=n_threads)
            values = {**{f"val_{name}": score for name, score in scores.items()}, **values}
        return values

    def _kept(self, run: SweepRun, model: Sequential) -> SweepRun:
        """Keep the run's model in the folder, or else in memory."""
        if self._folder is None:
            return run.replace(model=model if run.is_finished else None)
        if run.status not in (FINISHED, DIVERGED):
            return run  # it will be trained again
        try:
            return run.replace(path=self._folder.save(run, model if run.is_finished else None, self._identity))
        except OSError as error:
            return run.replace(status=FAILED, reason=f"it was trained, but could not be saved: {error}", model=model)
