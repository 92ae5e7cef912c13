"""``fastmlp train`` on tables with columns of any kind."""

import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.cli import trained
from fastmlp.cli.one_line import OneLine
from fastmlp.tables import read_table

from ..shared.command_line import clusters, lines_of, write_csv
from ..shared.people import write_people

TINY = ["--layers", "4", "--epochs", "2"]


@pytest.fixture
def table(tmp_path):
    return write_people(tmp_path / "people.csv", 120)


@pytest.fixture
def prices(write):
    """Numbers from 50,000 to 450,000: the price of a flat by its area and town."""
    random = np.random.default_rng(0)
    areas, towns = random.integers(20, 100, 120).tolist(), random.choice(["Rome", "Bari"], 120).tolist()
    prices = [
        area * (4000 if town == "Rome" else 2500) + k for k, (area, town) in enumerate(zip(areas, towns, strict=True))
    ]
    lines = [f"{area},{town},{price}" for area, town, price in zip(areas, towns, prices, strict=True)]
    return write("area,town,price\n" + "\n".join(lines) + "\n", "prices.csv")


# ---------------------------------------------------------------- which data, and which column


def test_the_label_by_its_name_or_number(write, succeed, fail, table):
    text = Path(table).read_text()
    assert "label: 'target', by its name" in succeed("train", write(text.replace("churned", "target", 1)), *TINY)
    assert "label: 'churned', as asked for" in succeed("train", table, *TINY, "--label", "-1")
    assert "label: 'plan', as asked for" in succeed("train", table, *TINY, "--label", "7")
    err = fail(1, "train", table, *TINY)
    assert "say which column is to be predicted, with --label NAME, because none is called label" in err
    assert "its columns are customer_id, name, age, income, city, member, joined, plan, country, churned" in err
    twice = write(text.replace("churned", "label", 1).replace("plan", "Target", 1))
    assert "because both 'Target', 'label' could be it; its columns are" in fail(1, "train", twice)
    assert "--label: there is no column 'Churned' (did you mean 'churned'?); its" in fail(
        1, "train", table, "--label", "Churned"
    )
    assert "--label 10 is no column: they count from 0 to 9" in fail(1, "train", table, "--label", "10")


def test_what_was_refused_before(write, succeed):
    """Semicolons, missing values, True and False, texts."""
    lines = "".join(f"{k};{'' if k % 7 == 0 else k * 0.5};{k % 3 == 0};w{k % 4};{'ab'[k % 2]}\n" for k in range(60))
    for header in ("a;b;c;d;kind\n", "x0;x1;x2;x3;kind\n"):
        out = succeed("train", write(header + lines), *TINY, "--label", "kind")
        assert "one-hot" in out
        assert "true or false" in out


def test_tables_of_numbers_are_standardised_unless_columns_are_numbered(write, succeed, tmp_path):
    x, y = clusters()
    named = write_csv(tmp_path / "named.csv", x[:, :3], y).replace("named", "named")
    text = Path(named).read_text()
    assert "label: column 4 ('label'), by its name" in succeed("train", named, *TINY)
    out = succeed("train", write(text.replace("x0,x1,x2", "width,height,x2")), *TINY)
    assert "label: 'label', by its name" in out
    assert "becomes mean 0, deviation 1" in out
    assert "label: 'label', by its name" in succeed("train", named, *TINY, "--task", "auto")


def test_texts_without_a_header(write, succeed):
    lines = "".join(f"{k % 5},w{k % 4},{k * 0.25},{'ab'[k % 2]}\n" for k in range(60)).replace(
        "0,w0,0.0,a", "0,,0.0,7", 1
    )
    out = succeed("train", write(lines), *TINY, "--label", "-1")
    assert "label: 'column_4', as asked for" in out


def test_columns_without_a_name(write, succeed):
    lines = "".join(f"{k},{k % 9},w{k % 4},{'ab'[k % 2]}\n" for k in range(60))
    out = succeed("train", write(",a,b,kind\n" + lines), *TINY, "--label", "kind")
    assert "columns without a name, which are left out: number 1" in out


def test_features_and_drop(succeed, fail, table):
    options = [table, *TINY, "--label", "churned", "--output", "model.npz"]
    succeed("train", *options, "--features", "plan,age,churned")
    assert fm.load("model.npz").encoder.columns == ("plan", "age")
    succeed("train", *options, "--drop", "plan, age")
    assert fm.load("model.npz").encoder.columns == ("income", "city", "member", "joined")
    assert "--drop: there is no column 'plane' (did you mean 'plan'?)" in fail(1, "train", *options, "--drop", "plane")
    assert "--features: there is no column 'x'; its columns are" in fail(1, "train", *options, "--features", "x,age")
    assert "no column of features left" in fail(1, "train", *options, "--features", "age", "--drop", "age")


def test_weights(write, succeed, fail, table):
    """Rows of weight 0 do not count, so their labels do not matter."""
    head, *rows = Path(table).read_text().splitlines()
    wrong = [row.rsplit(",", 1)[0] + (",no" if row.endswith("yes") else ",yes") for row in rows]

    def with_weights(of_wrong):
        lines = [f"{row},{weight}" for some, weight in ((rows, "1"), (wrong, of_wrong)) for row in some]
        return write("\n".join([f"{head},count", *lines]) + "\n", "weighted.csv")

    options = ["--label", "churned", "--weights", "count", "--layers", "8", "--epochs", "20", "--output", "model.npz"]
    out = succeed("train", with_weights("0"), *options)
    assert "count" not in fm.load("model.npz").encoder.columns
    assert float(out[out.index("test accuracy") :].split()[4]) < 0.69  # the loss, of rows that count alone
    assert float(succeed("evaluate", "model.npz", "weighted.csv").splitlines()[1].split()[4]) < 0.69
    for value, found in [("-1", "a negative one, or zeros alone"), ("", "a missing one"), ("much", "other values")]:
        message = f"--weights: column 'count' must hold a number of at least 0 for each row, but it holds {found}"
        assert message in fail(1, "train", with_weights(value), *options)


def test_rows_without_label_are_left_out(write, succeed, table):
    head, *rows = Path(table).read_text().splitlines()
    rows[:10] = [row.rsplit(",", 1)[0] + "," for row in rows[:10]]
    out = succeed("train", write("\n".join([head, *rows])), *TINY, "--label", "churned", "--output", "model.npz")
    assert "110 rows, 10 more without label are left out" in out
    assert "(110 rows)" in succeed("evaluate", "model.npz", "data.csv")


# ---------------------------------------------------------------- what is predicted


@pytest.mark.parametrize(
    ("values", "task", "why"),
    [
        (["yes", "no"], "classification", "because 'label' holds texts"),
        (["True", "False"], "classification", "because 'label' holds True and False"),
        (
            ["0", "1"],
            "classification",
            "because 'label' holds 2 different whole numbers; otherwise say --task regression",
        ),
        (["3", "7", "5"], "classification", "because 'label' holds 3 different whole numbers"),
        (["1.5", "2"], "regression", "because 'label' holds 2 different numbers; otherwise say --task classification"),
        ([str(k) for k in range(30)], "regression", "because 'label' holds 30 different whole numbers"),
    ],
)
def test_the_task_says_why(write, succeed, values, task, why):
    lines = "".join(f"{k % 13},{k % 7},{values[k % len(values)]}\n" for k in range(60))
    path = write("a,b,label\n" + lines)
    out = succeed("train", path, *TINY, "--output", "model.npz")
    assert f"task: {task}, {why}" in out
    assert trained.load_any("model.npz")[1].task == task
    if task == "classification":
        assert sorted(fm.load("model.npz").classes.tolist(), key=str) == sorted(
            [int(v) if v.isdigit() else v for v in values], key=str
        )
    else:
        assert "task: classification, as asked for" in succeed("train", path, *TINY, "--task", "classification")


def test_a_regression_predicts_in_the_units_of_its_labels(succeed, prices):
    options = ["--layers", "16", "--epochs", "150", "--learning-rate", "0.02", "--output", "model.npz"]
    out = succeed("train", prices, "--label", "price", *options)
    assert "task: regression, because 'price' holds 120 different whole numbers" in out
    mae = {
        line.split()[0]: float(line.split()[2]) for line in out.splitlines() if line.startswith(("test", "baseline"))
    }
    assert mae["test"] < 0.6 * mae["baseline"]
    assert mae["baseline"] > 10_000
    assert "(always the mean, " in out
    assert "mae worse by" in out
    predicted = fm.load("model.npz").predict(read_table(prices))
    assert 40_000 < predicted.min() < predicted.max() < 600_000
    numbers = [float(line) for line in succeed("predict", "model.npz", prices).splitlines()[1:]]
    np.testing.assert_array_equal(np.array(numbers, np.float32), predicted[:, 0])
    result = succeed("evaluate", "model.npz", prices)
    assert f"mae {np.abs(predicted[:, 0] - read_table(prices)['price']).mean():.6g}" in result


def test_labels_that_cannot_be_predicted(write, fail, table):
    train = ["train", table, *TINY]
    assert "'name' holds 120 different values in 120 rows, too many for classes; is another" in fail(
        1, *train, "--label", "name"
    )
    assert "the label column 'joined' holds dates, which cannot be predicted" in fail(1, *train, "--label", "joined")
    assert "all labels in 'country' are the same, 'Italy'; there is nothing to learn" in fail(
        1, *train, "--label", "country"
    )
    err = fail(1, *train, "--label", "plan", "--task", "regression")
    assert "--task regression predicts numbers, but the label column 'plan' holds '" in err
    assert "use --task classification" in err
    err = fail(1, *train, "--label", "income", "--task", "classification")
    assert "too many for classes; is another column the label? For numbers there is --task regression" in err
    empty = write("a,b,kind\n" + "1,x,\n" * 9)
    assert "the label column 'kind' is empty" in fail(1, "train", empty, "--label", "kind")
    few = write("a,b,kind\n1,x,p\n2,y,q\n")
    assert "its rows cannot be divided for training and test" in fail(1, "train", few, "--label", "kind")


# ---------------------------------------------------------------- tests and folds


def test_a_test_file(write, succeed, fail, tmp_path, table):
    other = write_people(tmp_path / "other.csv", 50, seed=2, separator=";")
    train = ["train", table, "--label", "churned", *TINY, "--output", "model.npz", "--test"]
    out = succeed(*train, other)
    assert "rows: 108 for training, 12 for validation, for early stopping, 50 for test" in out
    shown = next(line for line in out.splitlines() if line.startswith("test "))
    assert succeed("evaluate", "model.npz", other).splitlines()[1] == shown
    assert "the columns 'age', 'churned' of the training data are missing" in fail(
        1, *train, write_people(tmp_path / "lacking.csv", 20, without=["age", "churned"])
    )
    text = Path(other).read_text().splitlines()
    text[3] = text[3].replace(";yes", ";perhaps").replace(";no", ";perhaps")
    assert "has the label 'perhaps', which is not in the training data; the labels there are 'no', 'yes'" in fail(
        1, *train, write("\n".join(text))
    )
    assert "no such file" in fail(1, *train, "nowhere.csv")


@pytest.mark.needs_jit
def test_the_best_epoch_is_the_one_that_is_saved(write, succeed):
    random = np.random.default_rng(0)
    x, kinds = random.normal(size=(120, 2)), random.choice(["x", "y"], 120)
    rows = [f"{a:.3f},{b:.3f},{kind}" for (a, b), kind in zip(x, kinds, strict=True)]
    noise = write("\n".join(["first,second,kind", *rows]) + "\n")
    train = ["train", noise, "--label", "kind", "--layers", "16", "--learning-rate", "0.05", "--seed", "1"]
    out = succeed(*train, "--epochs", "100", "--output", "long.npz")
    trained, best = map(int, re.search(r"trained (\d+) epochs.* the best was epoch (\d+)", out).groups())
    assert best < trained
    succeed(*train, "--epochs", str(best), "--output", "short.npz")
    long, short = (fm.load(name).get_weights() for name in ("long.npz", "short.npz"))
    assert all(np.array_equal(a, b) for a, b in zip(long, short, strict=True))


def test_folds(succeed, table):
    options = ["train", table, "--label", "churned", *TINY, "--folds", "3"]
    out = succeed(*options)
    assert [line[:8] for line in out.splitlines() if line.startswith("fold ")] == ["fold 0: ", "fold 1: ", "fold 2: "]
    result = next(line for line in out.splitlines() if line.startswith("3 folds accuracy "))
    assert " ± " in result
    assert "baseline accuracy" in out
    assert "test accuracy" not in out
    out = succeed(*options, "--output", "model.npz", "--quiet")
    assert out == f"{result}\n"
    assert fm.load("model.npz").is_built
    regression = succeed("train", table, "--label", "income", *TINY, "--folds", "2")
    assert "2 folds mae " in regression


def test_same_command_same_bits(succeed, table):
    options = ["train", table, "--label", "churned", *TINY, "--seed", "3", "--quiet"]
    first = succeed(*options, "--output", "one.npz", "--threads", "1")
    assert succeed(*options, "--output", "two.npz") == first
    for a, b in zip(fm.load("one.npz").get_weights(), fm.load("two.npz").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_early_stopping_keeps_the_best(succeed, table):
    options = ["train", table, "--label", "churned", "--layers", "16", "--output", "model.npz", "--history", "h.csv"]
    out = succeed(*options, "--learning-rate", "0.05")
    history = fm.load("model.npz").history
    best = int(np.argmin(history["val_loss"]))
    assert len(history.epoch) == best + 21 < 200
    assert f"trained {best + 21} epochs in" in out
    assert f"the best was epoch {best + 1} (val_loss {history['val_loss'][best]:.4f})" in out
    assert len(lines_of("h.csv")) == best + 22
    out = succeed(*options, "--validation-split", "0", "--epochs", "3")
    assert "rows: 100 for training, 20 for test" in out
    assert "trained 3 epochs in" in out


def test_other_options(succeed, table):
    succeed("train", table, "--label", "churned", "--layers", "7,5", "--activation", "tanh,relu", "--optimizer", "sgd",
            "--learning-rate", "0.5", "--batch-size", "10", "--rows", "50", "--dtype", "float64", "--epochs", "1",
            "--validation-split", "0.2", "--output", "model.npz")  # fmt: skip
    model = fm.load("model.npz")
    assert [layer.units for layer in model.layers] == [7, 5, 2]
    assert (model.dtype, model.learning_rate) == (np.float64, 0.5)
    assert len(model.history.batches["loss"]) == 4  # 40 rows of 50
    assert succeed("train", table, "--label", "churned", *TINY, "--quiet").startswith("test accuracy")


def test_options_that_do_not_go_together(fail, succeed, table, pixels, data):
    train = ["train", table, "--label", "churned"]
    assert "--samples-per-epoch is not for tables" in fail(2, *train, "--samples-per-epoch", "10")
    assert "--folds: must be at least 2" in fail(2, *train, "--folds", "1")
    assert "--history with --folds needs --output" in fail(2, *train, "--folds", "2", "--history", "h.csv")
    for option in (["--task", "auto"], ["--drop", "a"], ["--test", table], ["--features", "a,b"]):
        assert f"{option[0]}" in fail(2, "train", data, *option)
    succeed(*train, *TINY, "--output", "model.npz")
    assert "--resume is not for tables" in fail(2, *train, "--drop", "age", "--resume", "model.npz")
    assert "was trained on a table with columns of any kind" in fail(1, *train, "--resume", "model.npz")
    assert "--output and --test are the same file" in fail(2, *train, "--test", "model.npz", "--output", "model.npz")


def test_interruption_keeps_the_best_so_far(run, table, monkeypatch):
    def interrupt(self, epoch, logs):
        if epoch == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(OneLine, "on_epoch_end", interrupt)
    code, out, err = run("train", table, "--label", "churned", "--layers", "4", "--output", "model.npz")
    assert code == 1
    assert "interrupted; model.npz holds the best model so far" in err
    assert "test accuracy" in out
    assert fm.load("model.npz").history.stopped == "interrupted"


def test_notes_are_json(succeed, table):
    succeed("train", table, "--label", "churned", *TINY, "--features", "age,plan,country", "--output", "model.npz")
    with np.load("model.npz") as file:
        notes = json.loads(file["command_line"].tobytes())
    kinds = {"age": "number", "plan": "text", "churned": "text"}
    assert notes == {
        "table": {"label": "churned", "task": "classification", "kinds": kinds, "decimal": ".", "weights": None}
    }


def test_hints_at_decimal_commas(write, succeed):
    lines = "".join(f"{k},{500 + k % 9};{k % 4};{'ab'[k % 2]}\n" for k in range(60))
    out = succeed("train", write("price;b;kind\n" + lines), "--label", "kind", *TINY)
    assert "hint: 'price' looks like numbers with decimal commas, but is read as text; if so, say --decimal ," in out
    assert "hint" not in succeed("train", "data.csv", "--label", "kind", *TINY, "--decimal", ",")


def test_a_parquet_file(succeed, table):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    options = ["--label", "churned", *TINY, "--quiet", "--drop", "joined"]
    pandas.read_csv(table).to_parquet("people.parquet")
    expected = succeed("train", table, *options)
    assert succeed("train", "people.parquet", *options, "--output", "model.npz") == expected
    assert succeed("predict", "model.npz", table) == succeed("predict", "model.npz", "people.parquet")
