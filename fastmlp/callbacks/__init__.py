"""Hooks into the training loop. Everything that is not training itself is one of these."""

from typing import Any

from .._base import keras
from .._base.public import as_public
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
    "JSONLogger",
    "Lambda",
    "LayerHealth",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "ProgressBar",
    "ProgressLine",
    "ReduceLROnPlateau",
    "listeners",
    "progress",
]

as_public(globals(), also=("Monitor",))


def __getattr__(name: str) -> Any:
    raise keras.lack(__name__, name)
