"""Run shell commands at the same time, and print what each said: `side_by_side.py NAME COMMAND NAME COMMAND …`.

Ends with 1 if any of them fails. Unlike jobs of a shell, they can be interrupted by Ctrl-C, which tests try out.
"""

import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack


def main() -> int:
    with ExitStack() as stack:
        return run(stack)


def run(stack: ExitStack) -> int:
    jobs = []
    for name, command in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        output = stack.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", command],
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  (one thread)
        )
        jobs.append((name, process, output, time.monotonic()))
    failed = []
    for name, process, output, started in jobs:
        code = process.wait()
        output.seek(0)
        print(f"--- {name}: exit code {code}, after {time.monotonic() - started:.0f} s")
        print(output.read(), flush=True)
        if code:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
