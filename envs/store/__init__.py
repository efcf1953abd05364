"""The store of recorded calls: a SQLite file, and an environment over it."""
