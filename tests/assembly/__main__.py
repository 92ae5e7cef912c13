"""``python -m tests.assembly FILE KERNELS...``: see the package."""

import sys

from . import main

main(*sys.argv[1:])
