"""Kernels for whole networks, which run programs over batches of rows."""
