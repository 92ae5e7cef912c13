"""scikit-learn's own checks of estimators: none fails, and none is skipped that its own estimators pass."""

import pytest
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

import fastmlp as fm

# What scikit-learn skips for its own estimators too
SKIPPED = {"check_array_api_input", "check_classifiers_multilabel_output_format_decision_function"}
ESTIMATORS = {
    "classifier": fm.MLPClassifier(),
    # Further iterations give probabilities of exactly 1, which a check refuses, also from scikit-learn's own estimator.
    "classifier, lbfgs": fm.MLPClassifier((20,), solver="lbfgs", max_iter=15),
    "classifier, further parameters": fm.MLPClassifier(
        (20, 12), ["silu", "tanh"], global_clipnorm=5.0, learning_rate_init=0.01, max_time=60.0
    ),
    "regressor": fm.MLPRegressor(),
    "regressor, lbfgs": fm.MLPRegressor("squared_error", (20,), solver="lbfgs"),
    "regressor, counts": fm.MLPRegressor("poisson", (20,), solver="lbfgs"),
    "regressor, further parameters": fm.MLPRegressor(
        "squared_error", (20, 12), "leaky_relu(0.1)", clipnorm=1.0, learning_rate_init=0.01
    ),
    # float32 rounds, and rows of weight 0 count in the means of batches: weights of rows are not quite repeated rows.
    "classifier, other arithmetic": fm.MLPClassifier((20,), batch_norm=True, dtype="float32", learning_rate_init=0.01),
}
OF_WEIGHTS = {"check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_passes_all_checks(name):
    with threadpool_limits(1):  # SciPy's own threads wait for each other when others need the CPU
        checks = check_estimator(ESTIMATORS[name], on_skip=None, on_fail=None)
    wrong = {check["check_name"]: check["exception"] for check in checks if check["status"] in ("failed", "xfail")}
    assert wrong.keys() <= (OF_WEIGHTS if name.endswith("arithmetic") else set()), wrong
    assert {check["check_name"] for check in checks if check["status"] == "skipped"} <= SKIPPED
    assert len(checks) >= 40
