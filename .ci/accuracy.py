"""Reads what `fastmlp train` printed: is the test accuracy as good as the argument says?"""

import re
import sys

accuracy, wanted = float(re.search(r"test accuracy (0\.\d+)", sys.stdin.read()).group(1)), float(sys.argv[1])
assert accuracy >= wanted, f"the test accuracy is {accuracy}, expected at least {wanted}"
