"""Trains networks: from the arguments of `fit` to the last epoch."""
