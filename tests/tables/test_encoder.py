"""What becomes of the columns of a table."""

import datetime
import json
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, NotBuiltError, TableEncoder


def encoded(train, test=None, **settings):
    """The features by their names."""
    encoder = TableEncoder(**settings).fit(train)
    found = encoder.transform(train if test is None else test)
    assert found.dtype == np.float32
    return dict(zip(encoder.get_feature_names_out(), found.T.tolist(), strict=True))


def left_out(train, **settings):
    return {row[0]: row[-1] for row in TableEncoder(**settings).fit(train).report().rows() if row[1] == "left out"}


OTHER = [1.0, 5.0, 2.0]  # a column that is always of use


# ---------------------------------------------------------------- numbers


def test_numbers_have_mean_0_and_deviation_1():
    found = encoded({"a": [1.0, 3.0, 5.0]})["a"]
    np.testing.assert_allclose(found, [-(1.5**0.5), 0, 1.5**0.5], rtol=1e-6)


def test_missing_numbers_become_the_mean_and_are_marked():
    found = encoded({"a": [1.0, None, 3.0]})
    assert found == {"a": [-1, 0, 1], "a missing": [0, 1, 0]}


def test_missing_numbers_become_the_median_on_request():
    found = encoded({"a": [0.0, 0.0, 9.0, None]}, fill="median")
    assert found["a"][3] == found["a"][0]


def test_numbers_that_only_later_rows_lack_become_the_mean():
    assert encoded({"a": [1.0, 3.0]}, {"a": [None, "?", 3]}) == {"a": [0, 0, 1]}


def test_texts_of_numbers_are_numbers():
    assert encoded({"a": ["1", " 3.0", "NA", "", None]}) == {"a": [-1, 1, 0, 0, 0], "a missing": [0, 0, 1, 1, 1]}


@pytest.mark.parametrize("codes", [["01307", "10115", "10115"], ["1_0", "2", "2"], ["1,5", "2", "2"], ["x", "2", "2"]])
def test_other_texts_are_categories(codes):
    assert f"a={codes[0]}" in encoded({"a": codes})


def test_whole_numbers_stay_numbers_unless_somebody_says_so():
    assert list(encoded({"a": [1, 2, 2]})) == ["a"]
    assert list(encoded({"a": [2, 10, 2, None]}, categories=["a"])) == ["a=2", "a=10", "a missing"]


def test_categories_of_a_frame_are_categories():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": pd.Categorical([2, 10, 2])})
    assert encoded(frame, {"a": ["10", 10, 10.0]}) == {"a=2": [0, 0, 0], "a=10": [1, 1, 1]}
    assert list(encoded(frame, numbers=["a"])) == ["a"]


def test_quantiles_turn_numbers_into_normal_scores():
    train = {"a": np.exp(np.random.default_rng(0).normal(size=5000) * 5)}
    found = np.array(encoded(train, scaling="quantiles")["a"])
    assert abs(found.mean()) < 0.01
    assert abs(found.std() - 1) < 0.02
    assert (np.argsort(found, kind="stable") == np.argsort(train["a"], kind="stable")).mean() > 0.98
    later = encoded(train, {"a": [-1e300, 1e300]}, scaling="quantiles")["a"]
    np.testing.assert_allclose(later, [found.min(), found.max()])


def test_quantiles_of_few_values():
    found = encoded({"a": [0.0] * 999 + [7.0]}, {"a": [0, 7]}, scaling="quantiles")["a"]
    assert found[0] < found[1]
    assert np.isfinite(found).all()


def test_numbers_that_are_constant_but_for_missing_ones():
    assert encoded({"a": [3.0, None, 3.0], "b": OTHER}, {"a": [None, 8.0], "b": [1, 2]})["a missing"] == [1, 0]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_numbers_are_refused(value):
    with pytest.raises(ArgumentTypeError, match=r"column 'a' of table holds -?inf in row 1"):
        TableEncoder().fit({"a": [1.0, value]})
    with pytest.raises(ArgumentTypeError, match=r"column 'a' of table holds -?inf in row 0"):
        encoded({"a": [1.0, 2.0]}, {"a": [value]})


def test_numbers_too_large_for_the_features_are_refused():
    with pytest.raises(ArgumentTypeError, match=r"column 'a'.*1e\+300 in row 1, which is too far from its mean"):
        encoded({"a": [1.0, 2.0]}, {"a": [1, 1e300]})


def test_numbers_too_different_for_float64_are_refused():
    with pytest.raises(ArgumentTypeError, match="column 'a' of table holds numbers whose differences are too large"):
        TableEncoder().fit({"a": [-1.7e308, 1.7e308]})


# ---------------------------------------------------------------- True and False


def test_truths_are_1_and_0():
    assert encoded({"a": [True, False, True]}, {"a": [False, True]}) == {"a": [0, 1]}
    assert encoded({"a": ["true", "False", None]}) == {"a": [1, 0, 0.5], "a missing": [0, 0, 1]}


def test_truths_may_come_as_numbers_or_texts():
    assert encoded({"a": [True, False]}, {"a": [1.0, 0.0, np.nan]}) == {"a": [1, 0, 0.5]}
    assert encoded({"a": [True, False]}, {"a": ["TRUE", "0", ""]}) == {"a": [1, 0, 0.5]}
    with pytest.raises(ArgumentTypeError, match=r"holds 2\.0 in row 1, which is neither True nor False"):
        encoded({"a": [True, False]}, {"a": [1, 2]})


# ---------------------------------------------------------------- categories


def test_categories_have_a_feature_each():
    found = encoded({"a": ["x", "y", "x", None]})
    assert found == {"a=x": [1, 0, 1, 0], "a=y": [0, 1, 0, 0], "a missing": [0, 0, 0, 1]}


def test_new_categories_are_zeros_if_nothing_was_rare():
    assert encoded({"a": ["x", "y"]}, {"a": ["z", None, " ", "y"]}) == {"a=x": [0] * 4, "a=y": [0, 0, 0, 1]}


def test_new_categories_are_like_rare_ones():
    train = {"a": ["x"] * 3 + ["y"] * 2 + ["z", "w"]}
    assert encoded(train, {"a": ["x", "z", "new", None]}, min_count=2) == {
        "a=x": [1, 0, 0, 0],
        "a=y": [0, 0, 0, 0],
        "a other": [0, 1, 1, 1],
    }


def test_a_column_has_a_limited_number_of_categories():
    train = {"a": ["x"] * 3 + ["z"] * 2 + ["y"] * 2 + ["w"]}
    assert list(encoded(train, max_categories=2)) == ["a=x", "a=y", "a other"]


def test_rare_categories_share_a_feature_in_large_tables():
    train = {"a": ["x"] * 400 + ["y"] * 599 + ["z"]}
    assert list(encoded(train)) == ["a=x", "a=y", "a other"]


def test_texts_that_all_differ_are_left_out():
    names = [f"person {number}" for number in range(20)]
    assert left_out({"name": names, "b": range(1, 40, 2)}) == {"name": "20 texts that all differ, as names do"}
    assert left_out({"name": names * 2, "b": range(1, 80, 2)}, min_count=3) == {
        "name": "20 texts, of which none occurs in 3 rows"
    }
    assert len(encoded({"name": names}, categories=["name"])) == 20


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("a", range(20)),
        ("a", range(1, 21)),
        *((name, range(50, 10, -2)) for name in ("id", "PassengerId", "customer_id", "Unnamed: 0")),
    ],
)
def test_numbers_of_rows_are_left_out(name, numbers):
    train = {name: list(numbers), "b": np.linspace(0, 1, 20)}
    assert left_out(train) == {name: "numbers of rows"}
    assert name in encoded(train, numbers=[name])


@pytest.mark.parametrize(
    ("name", "numbers"), [("year", range(1950, 1970)), ("paid", range(50, 90, 2)), ("id", [1, 2] * 10)]
)
def test_other_numbers_are_kept(name, numbers):
    assert not left_out({name: list(numbers)})


# ---------------------------------------------------------------- dates

DAYS = ["2024-01-01", "2024-01-08 12:00", "2024-02-05 18:00:00", None]


@pytest.mark.parametrize("as_texts", [True, False])
def test_dates_become_parts(as_texts):
    days = DAYS if as_texts else [None if day is None else datetime.datetime.fromisoformat(day) for day in DAYS]
    found = encoded({"a": days})
    numbers = np.array([0, 7.5, 35.75])
    np.testing.assert_allclose(found["a days"][:3], (numbers - numbers.mean()) / numbers.std(), rtol=1e-6)
    assert found["a days"][3] == 0
    np.testing.assert_allclose(found["a month sin"], [0, 0, 0.5, 0], atol=1e-7)
    np.testing.assert_allclose(found["a month cos"], [1, 1, 0.75**0.5, 0], atol=1e-7)
    np.testing.assert_allclose(found["a hour sin"], [0, 0, -1, 0], atol=1e-6)
    np.testing.assert_allclose(found["a hour cos"], [1, -1, 0, 0], atol=1e-6)
    assert found["a missing"] == [0, 0, 0, 1]
    assert "a Mon" not in found  # all are Mondays


def test_weekdays_are_one_hot():
    found = encoded({"a": ["1969-12-31", "2024-02-29", "2024-03-03"]})
    assert found["a Wed"] == [1, 0, 0]
    assert found["a Thu"] == [0, 1, 0]
    assert found["a Sun"] == [0, 0, 1]
    assert found["a Mon"] == [0, 0, 0]
    assert "a hour sin" not in found


def test_dates_with_a_time_zone_are_what_clocks_showed_there():
    plain = encoded({"a": ["2024-01-01 06:00", "2024-01-02 07:00"]})
    assert encoded({"a": ["2024-01-01T06:00:00+05:45", "2024-01-02T07:00Z"]}) == plain


def test_dates_that_only_later_rows_lack_are_the_mean_day():
    assert encoded({"a": DAYS[:3]}, {"a": [None]})["a days"] == [0]


@pytest.mark.parametrize("texts", [["2024-13-01"], ["01.02.2024"], ["2024"], ["now"], ["2024-02-30", "2024-01-01"]])
def test_other_texts_are_no_dates(texts):
    assert "a days" not in encoded({"a": [*texts, *texts, "x"], "b": np.arange(2 * len(texts) + 1) ** 2})


# ---------------------------------------------------------------- what is left out, and what was said


def test_constant_and_empty_columns_are_left_out():
    train = {"a": OTHER, "b": [2.0] * 3, "c": ["x"] * 3, "d": [None] * 3, "e": [True] * 3, "f": ["2024-01-01"] * 3}
    train |= {"g": ["", " ", None], "h": OTHER}
    assert left_out(train, drop=["h"]) == {
        "b": "always 2",
        "c": "always 'x'",
        "d": "without any value in training",
        "e": "always True",
        "f": "always 2024-01-01",
        "g": "without any value in training",
        "h": "as asked for",
    }


def test_a_table_without_columns_of_use_is_refused():
    with pytest.raises(ArgumentError, match="no column to learn from: 'a' is left out: always 1"):
        TableEncoder().fit({"a": [1.0, 1.0]})
    with pytest.raises(ArgumentError, match="no rows"):
        TableEncoder().fit({"a": []})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"numbers": "age"}, r"numbers must be a list of names of columns, such as \['age'\], not a text"),
        ({"numbers": 3}, "numbers must be a list"),
        ({"numbers": ["a"], "drop": ["a"]}, "numbers and drop both name the column 'a'"),
        ({"drop": ["a", "a"]}, "more than once"),
        ({"scaling": "robust"}, "scaling must be one of 'quantiles', 'standard'"),
        ({"fill": 0}, "fill must be"),
        ({"min_count": 0}, "min_count must be at least 1"),
        ({"max_categories": 0}, "max_categories must be at least 1"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        TableEncoder(**settings)
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        TableEncoder().set_params(**settings)


def test_columns_that_are_named_must_be_there():
    with pytest.raises(ArgumentError, match=r"categories names the column 'ciy', which table.*did you mean 'city'"):
        TableEncoder(categories=["ciy"]).fit({"city": ["x", "y"]})


@pytest.mark.parametrize("kind", ["numbers", "dates"])
def test_columns_must_be_what_was_said(kind):
    with pytest.raises(ArgumentTypeError, match="column 'a' of table holds 'x' in row 0, which is no"):
        TableEncoder(**{kind: ["a"]}).fit({"a": ["x", "y"]})


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([1, 2], ["3", "x"], "holds 'x' in row 1, which is no number"),
        ([1, 2], [datetime.date(2024, 1, 1)], "holds dates, where numbers are expected"),
        (["2024-01-01", "2024-01-02"], [5], "holds numbers, where dates are expected"),
        (["2024-01-01", "2024-01-02"], ["5"], "holds '5' in row 0, which is no date"),
        ([True, False], ["x"], "holds 'x' in row 0, which is neither"),
        ([True, False], [datetime.date(2024, 1, 1)], "holds dates, where True and False"),
    ],
)
def test_later_columns_must_be_of_the_kind_of_training(train, test, message):
    with pytest.raises(ArgumentTypeError, match=f"column 'a' of table {message}"):
        encoded({"a": train}, {"a": test})


def test_rows_are_counted_over_blocks():
    column = np.array(["1"] * 20_000, object)
    column[15_000] = "x"
    with pytest.raises(ArgumentTypeError, match="'x' in row 15000"):
        encoded({"a": [1, 2]}, {"a": column})


def test_columns_are_found_by_name():
    train = {"a": OTHER, "b": ["x", "y", "x"], "c": [1.0] * 3}
    assert encoded(train, {"new": [1], "b": ["y"], "a": [1.0]}) == {
        "a": encoded(train)["a"][:1],
        "b=x": [0],
        "b=y": [1],
    }
    with pytest.raises(ArgumentError, match="table lacks the column 'b', which the training rows had: it has 'a'"):
        encoded(train, {"a": [1.0]})


def test_names_of_features_are_different():
    names = list(encoded({"a": [1, 2, None], "a missing": [1, 2, 3], "a=x": [1, 3, 2]}))
    assert len(set(names)) == len(names) == 4


def test_an_encoder_must_learn_first():
    for use in (lambda e: e.transform({"a": [1]}), lambda e: e.report(), lambda e: e.get_feature_names_out()):
        with pytest.raises(NotBuiltError, match=r"call fit\(table\)"):
            use(TableEncoder())


def test_the_report_is_a_text_and_a_table_for_notebooks():
    report = TableEncoder().fit({"<a>": [1.0, 2.0, None], "b": ["x"] * 3}).report()
    assert str(report).splitlines()[-1] == "2 columns of 3 rows give 2 features"
    assert "&lt;a&gt;" in report._repr_html_()
    assert len(report.rows()) == 3


# ---------------------------------------------------------------- copies


def test_copies_encode_alike():
    train = {
        "a": [1.5, None, 0.1],
        "b": ["x", "y", "x"],
        "c": ["2024-01-01", "2024-02-02", None],
        "d": [True, False, True],
    }
    encoder = fm.TableEncoder(fill="median", scaling="quantiles").fit(train)
    for twin in (
        pickle.loads(pickle.dumps(encoder)),
        TableEncoder.from_config(json.loads(json.dumps(encoder.config(), allow_nan=False))),
    ):
        assert twin == encoder
        assert twin.config() == encoder.config()
        np.testing.assert_array_equal(twin.transform(train), encoder.transform(train))


def hostile(change):
    config = TableEncoder().fit({"a": [1.0, 2.0], "b": ["x", "y"], "c": ["2024-01-01", "2024-02-02"]}).config()
    change(config)
    return config


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(type="Dense"),
        lambda c: c.pop("learned"),
        lambda c: c.update(more=1),
        lambda c: c.update(fill=[]),
        lambda c: c.update(learned=3),
        lambda c: c["learned"].update(rows=0),
        lambda c: c["learned"].update(columns=[]),
        lambda c: c["learned"].update(columns=c["learned"]["columns"] * 2),
        lambda c: c["learned"].update(left_out=[["a", "why"]]),
        lambda c: c["learned"].update(left_out=[3]),
        lambda c: c["learned"].update(left_out=[["z", 3]]),
        lambda c: c["learned"]["columns"].append(None),
        lambda c: c["learned"]["columns"][0].update(kind="code"),
        lambda c: c["learned"]["columns"][0].update(column=3),
        lambda c: c["learned"]["columns"][0].update(more=3),
        lambda c: c["learned"]["columns"][0].pop("mean"),
        lambda c: c["learned"]["columns"][0].update(mean=float("nan")),
        lambda c: c["learned"]["columns"][0].update(deviation=0),
        lambda c: c["learned"]["columns"][0].update(values=[1.0]),
        lambda c: c["learned"]["columns"][0].update(values=[2.0, 1.0], scores=[1.0, 2.0]),
        lambda c: c["learned"]["columns"][0].update(is_marked=1),
        lambda c: c["learned"]["columns"][1].update(categories=["x", "x"]),
        lambda c: c["learned"]["columns"][1].update(categories=["x", 3]),
        lambda c: c["learned"]["columns"][1].update(counts=[1]),
        lambda c: c["learned"]["columns"][1].update(counts=None),
        lambda c: c["learned"]["columns"][2].update(parts=["hour", "month"]),
        lambda c: c["learned"]["columns"][2].update(deviation=0.0),
    ],
)
def test_wrong_descriptions_are_refused(change):
    with pytest.raises((ArgumentError, ArgumentTypeError)):
        TableEncoder.from_config(hostile(change))
