"""What holds for every table."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmlp import ArgumentError, TableEncoder
from fastmlp.tables.columns import columns_of, joined

FLOATS = st.floats(-1e6, 1e6, width=32)
TEXTS = st.text(min_size=1, max_size=4)
VALUES = {
    "numbers": st.none() | FLOATS,
    "full numbers": FLOATS,
    "truths": st.booleans(),
    "texts": st.none() | TEXTS | st.sampled_from(["x", "y", "1", " ", "2024-02-29"]),
    "dates": st.none() | st.datetimes(),
    "texts of numbers": st.sampled_from(["1", " 2.5", "NA", "-3e2", ""]),
}
OPTIONS = st.fixed_dictionaries(
    {
        "scaling": st.sampled_from(["standard", "quantiles"]),
        "fill": st.sampled_from(["mean", "median"]),
        "min_count": st.none() | st.integers(1, 4),
        "max_categories": st.integers(1, 5),
    }
)


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 30))
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5))
    return {
        f"{number} {kind}": draw(st.lists(VALUES[kind], min_size=rows, max_size=rows))
        for number, kind in enumerate(kinds)
    }


def fitted(table, **options):
    """The encoder, or None if no column is of use."""
    try:
        return TableEncoder(**options).fit(table)
    except ArgumentError:
        return None


@settings(deadline=None, max_examples=150)
@given(tables(), tables(), OPTIONS)
def test_encoders_read_every_table_with_their_columns(table, later, options):
    encoder = fitted(table, **options)
    if encoder is None:
        return
    found = encoder.transform(table)
    assert found.shape == (len(next(iter(table.values()))), len(set(encoder.get_feature_names_out())))
    assert np.isfinite(found).all()
    assert str(encoder.report())
    # JSON keeps every bit
    twin = TableEncoder.from_config(json.loads(json.dumps(encoder.config(), allow_nan=False)))
    assert twin.transform(table).tobytes() == found.tobytes()
    # the order of columns and other columns do not matter
    turned = {**{name: later_column[:1] * len(found) for name, later_column in later.items()}}
    turned = {name: column for name, column in turned.items() if name not in table}
    turned |= {name: table[name] for name in reversed(table)}
    assert encoder.transform(turned).tobytes() == found.tobytes()
    # rows do not know of each other
    parts = [encoder.transform({name: [column[row]] for name, column in table.items()}) for row in range(len(found))]
    np.testing.assert_array_equal(np.concatenate(parts), found)
    # everything may be missing later
    nothing = encoder.transform({name: [None] for name in table})
    assert np.isfinite(nothing).all()


@settings(deadline=None)
@given(st.lists(st.none() | FLOATS, min_size=1, max_size=60))
def test_numbers_of_training_have_mean_0_and_deviation_1(column):
    encoder = fitted({"a": column})
    if encoder is None or "a" not in encoder.get_feature_names_out():
        return
    known = encoder.transform({"a": [number for number in column if number is not None]})[:, 0].astype(float)
    assert abs(known.mean()) < 1e-5
    assert abs(known.std() - 1) < 1e-5


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=60), st.lists(TEXTS | st.none(), min_size=1, max_size=20), OPTIONS)
def test_a_category_is_one_feature_at_most(train, later, options):
    encoder = fitted({"a": train}, categories=["a"], **options)
    if encoder is None:
        return
    assert (encoder.transform({"a": train}).sum(axis=1) <= 1).all()
    assert set(np.unique(encoder.transform({"a": later}))) <= {0.0, 1.0}


@settings(deadline=None)
@given(tables(), st.integers(0, 30))
def test_parts_of_a_table_joined_are_the_table(table, place):
    whole = columns_of(table)
    found = joined([columns_of({n: c[:place] for n, c in table.items()}), whole.at(slice(place, None))])
    encoder = fitted(whole)
    if encoder is not None:
        np.testing.assert_array_equal(encoder.transform(found), encoder.transform(whole))
