"""The fuzzing program: ``python -m tests.fuzz``."""

import argparse
import sys
import time

from . import runner


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Exit code 1 if a fault was found.")
    parser.add_argument("--minutes", type=float, default=5, help="for all attacks together (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of all tries (default: 0)")
    parser.add_argument("--only", help="some attacks, with commas: " + ", ".join(runner.attacks()))
    parser.add_argument("--first", type=int, default=0, help="number of the first try (default: 0)")
    parser.add_argument("--tries", type=int, help="of each attack, in the place of --minutes")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    names = args.only.split(",") if args.only else runner.attacks()
    if args.child:
        runner.make_tries(names[0], args.seed, args.first, args.tries)
        return 0
    deadline = None if args.tries else time.monotonic() + 60 * args.minutes
    return runner.run(names, args.seed, args.first, args.tries, deadline)


sys.exit(main())
