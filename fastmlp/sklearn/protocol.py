"""scikit-learn's own callbacks, which estimators take from version 1.9 on: each epoch is a task of `fit`."""

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin as _Support
except ImportError:  # before scikit-learn 1.9
    _Support = object


class CallbackSupport(_Support):
    """scikit-learn's ``set_callbacks``, where it exists."""


class Task:
    """The tasks of one `fit`, told to the callbacks that `set_callbacks` has set; none without the protocol.

    ``reconstructed(model)`` gives the attributes of an estimator that predicts as if training had ended.
    """

    def __init__(
        self, estimator: Any, data: tuple[Any, Any, Any], epochs: int, reconstructed: Callable[[Any], dict[str, Any]]
    ) -> None:
        self.estimator, self.reconstructed = estimator, reconstructed
        x, y, sample_weight = data
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._told = {"estimator": estimator, "X": x, "y": y, "metadata": metadata}
        self._root: Any = None
        self._epoch: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self._root = estimator._init_callback_context(max_subtasks=epochs)
            self._root.call_on_fit_task_begin(**self._told)
        self._is_heard = self._root is not None and bool(getattr(estimator, "_skl_callbacks", None))

    def begin(self, model: Any) -> None:
        """Begin an epoch."""
        if self._is_heard:
            self._epoch = self._root.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(
                **self._told, reconstruction_attributes=lambda: self.reconstructed(model)
            )

    def end(self, model: Any) -> bool:
        """End an epoch; returns whether a callback asks to stop."""
        if self._epoch is None:
            return False
        epoch, self._epoch = self._epoch, None
        return bool(
            epoch.call_on_fit_task_end(**self._told, reconstruction_attributes=lambda: self.reconstructed(model))
        )

    def close(self) -> None:
        """End the task of the whole `fit`."""
        if self._root is not None:
            attributes = self.estimator.__dict__
            self._root.call_on_fit_task_end(
                **self._told, reconstruction_attributes=lambda: {k: v for k, v in attributes.items() if k[-1] == "_"}
            )
