"""scikit-learn's own checks of estimators: none fails, and none is skipped that its own estimators pass."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

import fastmlp as fm

# What scikit-learn skips for its own estimators too
SKIPPED = {"check_array_api_input", "check_classifiers_multilabel_output_format_decision_function"}
ESTIMATORS = {
    "classifier": fm.MLPClassifier(),
    "classifier, lbfgs": fm.MLPClassifier(solver="lbfgs", hidden_layer_sizes=(20,)),
    "classifier, sgd, early stopping": fm.MLPClassifier((10,), solver="sgd", early_stopping=True, max_iter=100),
    "classifier, further parameters": fm.MLPClassifier(
        (12, 8), ["silu", "tanh"], batch_norm=True, dtype="float32", class_weight="balanced", global_clipnorm=5.0
    ),
    "regressor": fm.MLPRegressor(),
    "regressor, lbfgs": fm.MLPRegressor(solver="lbfgs", hidden_layer_sizes=(20,)),
    "regressor, counts": fm.MLPRegressor("poisson", (20,)),
    "regressor, further parameters": fm.MLPRegressor((12, 8), "leaky_relu(0.1)", clipnorm=1.0, max_time=60.0),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_passes_all_checks(name):
    checks = check_estimator(ESTIMATORS[name], on_skip=None, on_fail=None)
    wrong = {check["check_name"]: check["exception"] for check in checks if check["status"] in ("failed", "xfail")}
    assert not wrong
    assert {check["check_name"] for check in checks if check["status"] == "skipped"} <= SKIPPED
    assert len(checks) >= 40
