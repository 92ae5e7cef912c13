"""Writes models in formats of other programs."""
