"""``fastmlp evaluate``."""

import argparse

from . import trained, use_table
from .labelled import announce, form_for, load_test
from .words import in_words


def run(args: argparse.Namespace) -> int:
    """Print the loss and the metrics of a saved model."""
    model, notes = trained.load_any(args.model)
    if isinstance(notes, trained.TableNotes):
        return use_table.evaluate(args, model, notes)
    form = form_for(args, notes, args.model, model)
    data = load_test(args.data, form, args.seed).for_model(model, notes, args.features)
    announce(data, args.features is not None or notes is not None)
    values = model.evaluate(*data.test, n_threads=args.threads)
    print(f"test {in_words(values)}  ({len(data.test[0]):,} rows)")
    return 0
