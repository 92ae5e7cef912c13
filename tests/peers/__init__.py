"""Training and predictions in float64 equal those of PyTorch and scikit-learn, and closed forms that need neither."""

# What is registered and has no peer, and why. `tests/declarations/test_registries.py` asks for one of the two.
WITHOUT_PEER = {
    "Custom": "the user writes it; tests/model/test_custom.py compares it with its formula",
    "LBFGS": "its steps are SciPy's own, see test_weights.py",
    "InverseTime": "PyTorch has none; tests/schedules/test_schedules.py has its rates by hand",
    "expected_calibration_error": "scikit-learn has none; tests/metrics/test_calibration.py has its definition",
    "regression_accuracy": "no library has it; tests/metrics/test_by_hand.py has its definition",
}
