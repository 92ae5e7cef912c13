"""Keras's schedules: their rates are those that Keras 3.15 gave."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.optimizers import schedules

CASES = json.loads((Path(__file__).parents[1] / "keras" / "keras_rates.json").read_text())


@pytest.mark.parametrize(("name", "settings", "rates"), CASES)
def test_rates_are_those_of_keras(name, settings, rates):
    schedule = getattr(schedules, name)(**settings, name="mine")
    np.testing.assert_allclose(schedule.rates(np.arange(16)), rates, rtol=1e-5, atol=1e-7)
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert fm.SGD(schedule).learning_rate is schedule


def test_all_are_compared():
    assert {name for name, *_ in CASES} == set(schedules.__all__)


def test_what_means_something_else_is_refused():
    with pytest.raises(fm.ArgumentError, match="cycle must be False"):
        schedules.PolynomialDecay(0.1, 5, cycle=True)
    with pytest.raises(fm.ArgumentError, match="m_mul and alpha"):
        schedules.CosineDecayRestarts(0.1, 5, m_mul=0.5, alpha=0.1)
    with pytest.raises(fm.ArgumentError, match="rate must be at most 1"):
        schedules.ExponentialDecay(0.1, 5, 1.5)
    with pytest.raises(ImportError, match="override rates"):
        exec("from fastmlp.optimizers.schedules import LearningRateSchedule")
