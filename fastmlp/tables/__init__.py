"""Raw tables, with columns of any kind, and how they become the features of a network."""
