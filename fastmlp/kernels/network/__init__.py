"""Whole networks: programs of many operations, run over batches of rows."""
