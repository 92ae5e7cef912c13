"""A table as a stranger has it: texts, missing values, dates, a column of names, and an uneven class."""

import csv

import numpy as np

HEADER = ["customer_id", "name", "age", "income", "city", "member", "joined", "plan", "country", "churned"]


def people(rows=240, seed=0):
    """The rows of the table, as texts. Who is young and pays for the basic plan leaves."""
    random = np.random.default_rng(seed)
    found = []
    for row in range(rows):
        age, plan = int(random.integers(18, 80)), str(random.choice(["basic", "pro", "team"]))
        leaves = (age < 45 and plan == "basic") != (random.random() < 0.03)
        found.append(
            [
                f"C{seed}{row:05d}",
                f"Person {row}, Dr",
                "NA" if random.random() < 0.1 else str(age),
                f"{random.lognormal(10, 1):.2f}",
                str(random.choice(["Rome", "Oslo", "Lima", ""])),
                str(random.random() < 0.5),
                str(np.datetime64("2019-01-01") + int(random.integers(0, 1500))),
                plan,
                "Italy",
                "yes" if leaves else "no",
            ]
        )
    return found


def write_people(path, rows=240, seed=0, *, without=(), separator=","):
    """A CSV file of the table, without some of its columns."""
    kept = [place for place, name in enumerate(HEADER) if name not in without]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator="\n")
        writer.writerows([row[place] for place in kept] for row in [HEADER, *people(rows, seed)])
    return str(path)
