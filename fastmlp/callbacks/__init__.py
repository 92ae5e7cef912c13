"""Hooks into the training loop. Everything that is not training itself is one of these."""

import importlib
from typing import Any

from .._base import keras
from .._base.public import as_public
from .as_in_keras import History, LambdaCallback, TerminateOnNaN
from .base import Callback, Lambda, Logs
from .checkpoints import ModelCheckpoint
from .chosen import listeners
from .diagnosis import Diagnosis, Finding
from .layer_health import LayerHealth
from .loggers import CSVLogger, JSONLogger
from .monitor import Monitor as Monitor
from .progress_bar import ProgressBar, ProgressLine, progress
from .rates import LearningRateScheduler, ReduceLROnPlateau
from .stopping import EarlyStopping

__all__ = [
    "CSVLogger",
    "Callback",
    "Diagnosis",
    "EarlyStopping",
    "Finding",
    "History",
    "JSONLogger",
    "Lambda",
    "LambdaCallback",
    "LayerHealth",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "ProgressBar",
    "ProgressLine",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
    "listeners",
    "progress",
]

as_public(globals(), also=("Monitor",))
for _kind in (CSVLogger, LambdaCallback, ModelCheckpoint, ReduceLROnPlateau):
    keras.accept(_kind)


def __getattr__(name: str) -> Any:
    if name == "TensorBoard":  # beside the tracker that it makes
        return importlib.import_module(".trackers", __name__).TensorBoard
    raise keras.lack(__name__, name)
