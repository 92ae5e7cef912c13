"""From layers to arrays that kernels read, and the calls of kernels."""
