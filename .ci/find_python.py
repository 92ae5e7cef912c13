"""Prints where a Python of one version is, `find_python.py 3.14`; if it is nowhere, why not, and ends with 1.

It is looked for on the path and among pyenv's; else uv, if it is installed beside this Python, downloads it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def candidates(version):
    """Programs that may be this Python, those that cost nothing to try first."""
    yield shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)


def is_version(program, version):
    code = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def downloaded(version):
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        return None, "uv, which could download it, is not installed"
    install = subprocess.run(
        [uv, "python", "install", "--no-bin", version], capture_output=True, text=True, timeout=300, check=False
    )
    if install.returncode:
        return None, f"uv cannot download it: {(install.stderr.strip() or 'no reason given').splitlines()[-1].strip()}"
    found = subprocess.run([uv, "python", "find", version], capture_output=True, text=True, check=True)
    return found.stdout.strip(), ""


def main(version):
    for program in candidates(version):
        if program and is_version(program, version):
            print(program)
            return 0
    program, reason = downloaded(version)
    print(program or reason)
    return int(program is None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
