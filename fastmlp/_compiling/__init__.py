"""Turns functions into kernels: numba's options, declarations, the cache on disk, threads."""
