"""matplotlib without a screen; tests that import this are skipped where it is not installed."""

import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgba  # noqa: E402

__all__ = ["matplotlib", "plt", "to_rgba"]
