"""Turns layers and data into arrays for kernels, and calls the kernels."""
