"""Runs many trainings: learning rates, cross-validation, sweeps."""
