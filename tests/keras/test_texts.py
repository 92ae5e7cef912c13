"""Texts of Keras in the place of objects: a name that is missing here gets a sentence with a remedy."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base import keras_names

MAKE = {
    "losses": lambda text: fm.losses.get(text),
    "optimizers": lambda text: fm.optimizers.get(text),
    "initializers": lambda text: fm.Dense(3, kernel_initializer=text),
    "activations": lambda text: fm.Dense(3, activation=text),
    "metrics": lambda text: fm.metrics.get([text]),
}
SHORT = {"losses": "msle MSLE kld KLD focal", "initializers": "truncated_normal TruncatedNormal variance_scaling"}


@pytest.mark.parametrize("module", MAKE)
def test_a_text_that_is_missing_gets_its_sentence(module):
    for names in [*keras_names._LACKING[module].values(), SHORT.get(module, "")]:
        for name in names.split():
            if name not in ("serialize", "deserialize"):
                with pytest.raises(fm.ArgumentError, match=f"cannot be '{name}': |cannot be '{name.lower()}': "):
                    MAKE[module](name)


def test_other_texts_get_the_list_of_names():
    for module, make in MAKE.items():
        with pytest.raises(fm.ArgumentError, match="must be one of"):
            make(f"no {module}")


def test_short_names_are_read():
    assert fm.losses.get("bce") == fm.losses.get("BCE") == fm.losses.BinaryCrossentropy()


def test_a_class_in_the_place_of_an_object_is_named():
    model = fm.Sequential([fm.Dense(2)])
    for call in (
        lambda: model.compile(fm.optimizers.Adam),
        lambda: model.compile(loss=fm.losses.MeanSquaredError),
        lambda: fm.Dense(2, kernel_regularizer=fm.regularizers.l2),
        lambda: model.fit(np.zeros((2, 2)), np.zeros((2, 2)), callbacks=[fm.callbacks.TerminateOnNaN]),
    ):
        with pytest.raises(fm.ArgumentTypeError, match=r"write \w+\(\), with parentheses"):
            call()
    with pytest.raises(fm.ArgumentTypeError, match=r"use AUC\(\)"):
        model.compile(metrics=[fm.metrics.AUC])
    assert fm.Dense(2, kernel_initializer=fm.initializers.HeNormal).kernel_initializer.name == "he_normal"


def test_schedules_that_repeat_name_what_there_is():
    with pytest.raises(fm.ArgumentError, match=r"fastmlp\.schedules\.CosineRestarts"):
        fm.optimizers.schedules.PolynomialDecay(0.1, 10, cycle=True)
