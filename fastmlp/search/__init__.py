"""Many trainings: learning rates, cross-validation, sweeps."""
