"""The fuzzing program: ``python -m tests.fuzz``."""

import argparse
import sys
import time

from . import runner


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Exit code 1 if a fault was found.")
    parser.add_argument("--minutes", type=float, default=5, help="for all attacks together (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of all tries (default: 0)")
    parser.add_argument("--only", help="some attacks, with commas: the names of modules of this folder")
    parser.add_argument("--first", type=int, default=0, help="number of the first try (default: 0)")
    parser.add_argument("--tries", type=int, help="of each attack, in the place of --minutes")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        runner.make_tries(args.only, args.seed, args.first, args.tries)
        return 0
    known = runner.attacks()
    names = args.only.split(",") if args.only else known
    if not set(names) <= set(known):
        parser.error(f"--only: there are {', '.join(known)}")
    deadline = None if args.tries else time.monotonic() + 60 * args.minutes
    return runner.run(names, args.seed, args.first, args.tries, deadline)


sys.exit(main())
