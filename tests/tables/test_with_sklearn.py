"""The encoder as a step of scikit-learn."""

import numpy as np
import pytest

from fastmlp import NotBuiltError, TableEncoder

sklearn = pytest.importorskip("sklearn")
pd = pytest.importorskip("pandas")

from sklearn.base import clone  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=90), "b": RNG.choice(["x", "y"], 90), "c": RNG.normal(size=90)})
Y = (FRAME["a"] > 0).to_numpy() ^ (FRAME["b"] == "x").to_numpy() & (FRAME["a"].abs() < 0.3).to_numpy()


def test_clones_have_the_same_settings_and_no_knowledge():
    names = ["b"]
    encoder = TableEncoder(categories=names, fill="median").fit(FRAME)
    twin = clone(encoder)
    assert twin.get_params() == encoder.get_params()
    with pytest.raises(NotBuiltError):
        twin.transform(FRAME)
    assert encoder.set_params(fill="mean") is encoder
    with pytest.raises(ValueError, match="no parameter 'fil'"):
        encoder.set_params(fil="mean")


def test_pipelines_and_searches_use_it():
    pipeline = make_pipeline(TableEncoder(), LogisticRegression())
    assert cross_val_score(pipeline, FRAME, Y, cv=3).mean() > 0.8
    search = GridSearchCV(pipeline, {"tableencoder__scaling": ["standard", "quantiles"]}, cv=3).fit(FRAME, Y)
    assert search.best_score_ > 0.8
    assert search.best_estimator_[:-1].get_feature_names_out().tolist() == ["a", "b=x", "b=y", "c"]
    assert "TableEncoder" in pipeline._repr_html_()


def test_column_transformers_use_it():
    both = ColumnTransformer([("t", TableEncoder(), ["a", "b"]), ("rest", "passthrough", ["c"])])
    found = both.fit_transform(FRAME, Y)
    np.testing.assert_allclose(found[:, :3], TableEncoder().fit_transform(FRAME[["a", "b"]]))
    assert both.get_feature_names_out().tolist() == ["t__a", "t__b=x", "t__b=y", "rest__c"]


def test_it_says_whether_it_has_learned():
    encoder = TableEncoder()
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(encoder)
    assert not hasattr(encoder, "feature_names_in_")
    check_is_fitted(encoder.fit(FRAME))
    assert encoder.feature_names_in_.tolist() == ["a", "b", "c"]
