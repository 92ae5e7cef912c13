"""``python -m tests.mutations``: does a test fail for each fault? Exit code 1 where one does not."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence

from .fault import Fault
from .faults import FAULTS
from .runner import benches, false_alarms, judged


def chosen(only: str, tenth: int | None) -> list[Fault]:
    """The faults of which a pattern is found in their file and name; of these, every tenth."""
    found = [fault for fault in FAULTS if re.search(only, str(fault))]
    return found if tenth is None else found[tenth % 10 :: 10]


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant faults, print what became of them, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", default="", metavar="PATTERN", help="regular expression, searched in `file: name`")
    parser.add_argument("--tenth", type=int, metavar="K", help="every tenth fault, from the K-th on (K modulo 10)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at a time")
    parser.add_argument("--all-tests", action="store_true", help="all tests, where those of the fault all pass")
    parser.add_argument("--list", action="store_true", help="only print the faults")
    asked = parser.parse_args(arguments)
    faults = chosen(asked.only, asked.tenth)
    if asked.list:
        for fault in faults:
            print(fault)
        return 0
    started, verdicts = time.monotonic(), []
    with benches(max(1, asked.jobs)) as copies:
        for verdict in judged(faults, copies, asked.all_tests):
            print(verdict, flush=True)
            verdicts.append(verdict)
        alarms = false_alarms(verdicts, copies[0])
    for test in alarms:
        print(f"{test} FAILS WITHOUT A FAULT TOO")
    missed = [verdict for verdict in verdicts if not verdict.is_caught]
    minutes = (time.monotonic() - started) / 60
    print(f"{len(verdicts) - len(missed)} of {len(verdicts)} faults were caught, in {minutes:.1f} minutes")
    return 1 if missed or alarms or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
