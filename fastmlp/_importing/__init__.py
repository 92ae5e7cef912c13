"""Makes models of other programs' files and objects."""
