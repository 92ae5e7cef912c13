"""A network: its state, what it reads and writes, and how it is judged."""
