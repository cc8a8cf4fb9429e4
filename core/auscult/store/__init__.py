"""History on disk: one SQLite file, one writer, many readers.

May import: the contract.
"""
