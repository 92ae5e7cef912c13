"""What every other room stands on: errors, checks of arguments, files, names, and the tables that kernels read."""
