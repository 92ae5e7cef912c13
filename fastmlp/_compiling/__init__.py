"""How functions become kernels: numba's options, declarations, the cache on disk, threads."""
