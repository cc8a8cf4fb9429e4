"""The `auscult` command, one file per command, each loaded when it is called.

May import: everything.
"""
