"""Prints the features of this CPU with AVX-512 masked off, for NUMBA_CPU_FEATURES; nothing where it has none."""

import llvmlite.binding as llvm

MASKED = ("avx512", "avx10", "amx")  # AVX10 means AVX-512, and no CPU has AMX alone


def without_avx512(features):
    """A feature list as LLVM reads it, from a dictionary of what is present."""
    kept = {name: present and not name.startswith(MASKED) for name, present in features.items()}
    return ",".join(f"{'+' if present else '-'}{name}" for name, present in sorted(kept.items()))


if __name__ == "__main__":
    host = llvm.get_host_cpu_features()
    print(without_avx512(host) if host.get("avx512f") else "")
