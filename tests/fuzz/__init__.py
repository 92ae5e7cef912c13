"""Attacks on the package: what comes from outside, changed at random, must never crash, hang, or fill the memory.

``python -m tests.fuzz --minutes 5`` makes tries of all attacks. A module of this folder is an attack if it has

    def attack(random: numpy.random.Generator, folder: pathlib.Path) -> None

which makes one try, with files in the folder, and raises what must not happen; and, where its process needs them,
``ENVIRONMENT``, a dict of environment variables. Tries that found a fault are kept in ``found.json``, and made again by
``tests/house/test_fuzz.py``.
"""
