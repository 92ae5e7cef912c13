"""Faults, planted one at a time into a copy of the package, to see that a test fails for each.

``python -m tests.mutations`` plants all of them; ``--list``, ``--only PATTERN`` and ``--tenth K`` choose some.
"""
