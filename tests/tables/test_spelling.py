"""What the fields of a text file mean."""

import numpy as np
import pytest

from fastmlp.tables.spelling import MISSING, Spelled, StrangeFieldError, dates, numbers


def column(*pieces, kind=None, decimal="."):
    """Kind and values of a column that came in these pieces; it must not need a second reading."""
    spelled = Spelled(kind, decimal)
    for piece in pieces:
        spelled.add(list(piece))
    assert not spelled.must_be_read_again
    return spelled.kind, spelled.values()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["1", "-2.5", "+3.", ".5", "1e3", "2E-2"], [1, -2.5, 3, 0.5, 1000, 0.02]),
        ([" 1", "2 ", "\t3"], [1, 2, 3]),
        (["0", "0.1234567890123456789", "-0", "0e3"], [0, 0.12345678901234568, 0, 0]),
        (["1", *sorted(MISSING), " NA "], [1] + [np.nan] * (len(MISSING) + 1)),
        (["9007199254740992", "1e300"], [2**53, 1e300]),
    ],
)
def test_numbers(fields, expected):
    kind, values = column(fields)
    assert kind == "number"
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(
    "field",
    [
        "x",
        "1_000",
        "1 000",
        "1,5",
        "0x1F",
        "--1",
        "1e",
        "e5",
        ".",
        "+",
        "-",
        "1.2.3",
        "१२",
        "5 %",
        "$5",
        "Na",
        "Null",
        "none",
    ],
)
def test_what_is_no_number(field):
    assert numbers(["1", field]) is None
    kind, values = column(["1", field, "NA"])
    assert (kind, values.tolist()) == ("text", ["1", field, None])


def test_identities_stay_different():
    """As float64, 2^53 + 1 is 2^53."""
    kind, values = column(["9007199254740993", "9007199254740992"])
    assert (kind, len(set(values))) == ("text", 2)
    assert column(["-9007199254740993"])[0] == "text"


@pytest.mark.parametrize("code", ["01307", " 007", "-01", "+00", "00.5"])
def test_leading_zeros_make_codes(code):
    assert column(["12", code])[0] == column([code, "12"])[0] == "text"


def test_decimal_commas():
    assert column(["1,5", "-2", ",25", "NA"], decimal=",")[0] == "number"
    np.testing.assert_array_equal(column(["1,5", "3"], decimal=",")[1], [1.5, 3])
    assert column(["1,5", "1.5"], decimal=",")[0] == "text"  # a point is no decimal mark then
    assert column(["1,5"])[0] == "text"


def test_truths():
    kind, values = column(["True", "false"], ["TRUE", " FALSE "])
    assert (kind, values.tolist(), values.dtype) == ("truth", [True, False, True, False], np.bool_)
    kind, values = column(["True"], ["", "False"])
    assert kind == "truth"
    np.testing.assert_array_equal(values, [1, np.nan, 0])
    assert column(["True", "1"])[0] == column(["True", "yes"])[0] == "text"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("2024-02-29", "2024-02-29"),
        ("2024-02-29 08:30", "2024-02-29T08:30"),
        ("2024-02-29T08:30:15", "2024-02-29T08:30:15"),
        ("2024-02-29T08:30:15.25", "2024-02-29T08:30:15.250"),
        ("2024-02-29T08:30:15Z", "2024-02-29T08:30:15"),
        ("2024-02-29T08:30:15+02:00", "2024-02-29T08:30:15"),  # what the clocks showed there
        (" 0001-01-01 ", "0001-01-01"),
    ],
)
def test_dates(field, expected):
    kind, values = column([field, "NA"])
    assert (kind, values.dtype) == ("date", np.dtype("M8[us]"))
    np.testing.assert_array_equal(values, np.array([expected, "NaT"], "M8[us]"))


@pytest.mark.parametrize(
    "field", ["2023-02-29", "2024-13-01", "29.02.2024", "02/29/2024", "2024-2-9", "2024", "2024-02", "2024-01-01T25:00"]
)
def test_what_is_no_date(field):
    assert dates([field]) is None
    assert column(["2024-01-01", field])[0] == "text"


def test_texts():
    kind, values = column([" Rome ", "", "a\r\nb\rc", "?", "Na"])
    assert (kind, values.tolist()) == ("text", ["Rome", None, "a\nb\nc", None, "Na"])


def test_equal_texts_are_kept_once():
    _, values = column([f"w{k % 5}" for k in range(100)], [f" w{k % 5}" for k in range(100)])
    assert len({id(value) for value in values}) == 5


def test_a_column_of_nothing():
    spelled = Spelled()
    spelled.add(["", "NA"])
    values = spelled.values()
    assert spelled.kind is None
    assert np.isnan(values).all()
    assert values.shape == (2,)


@pytest.mark.parametrize(
    ("later", "kind", "first"),
    [("3", "number", np.nan), ("True", "truth", np.nan), ("2024-01-01", "date", "NaT"), ("x", "text", None)],
)
def test_missing_rows_come_first(later, kind, first):
    found, values = column(["", "?"], ["NA"], [later])
    assert (found, len(values)) == (kind, 4)
    assert str(values[0]) == str(values[2]) == str(first)
    assert str(values[3]) != str(first)


@pytest.mark.parametrize("first", ["1", "True", "2024-01-01"])
def test_a_later_piece_of_another_kind(first):
    """The spelling of what was read before is lost: 1.0 is 1 then."""
    spelled = Spelled()
    spelled.add([first])
    assert spelled.kind != "text"
    spelled.add(["", "NA"])
    assert not spelled.must_be_read_again
    spelled.add(["x"])
    assert spelled.must_be_read_again


def test_the_kind_does_not_depend_on_the_pieces():
    fields = ["", "1", "True", "2024-01-01", "x", "2", "NA", "False"]
    random = np.random.default_rng(0)
    for _ in range(300):
        chosen = random.choice(fields, 4).tolist()
        whole = Spelled()
        whole.add(chosen)
        parts = Spelled()
        for field in chosen:
            parts.add([field])
        assert parts.kind == whole.kind, chosen
        if not parts.must_be_read_again:
            assert list(map(str, parts.values())) == list(map(str, whole.values())), chosen


@pytest.mark.parametrize(("kind", "field"), [("number", "x"), ("truth", "1"), ("date", "today")])
def test_known_kinds(kind, field):
    good = {"number": "1", "truth": "True", "date": "2024-01-01"}[kind]
    with pytest.raises(StrangeFieldError) as error:
        column([good, ""], [good, good, field], kind=kind)
    assert (error.value.place, error.value.field) == (2, field)
    np.testing.assert_array_equal(column(["1", "007", "9007199254740993"], kind="number")[1], [1, 7, 2**53])
    assert column(["1", "007", "True"], kind="text")[1].tolist() == ["1", "007", "True"]
