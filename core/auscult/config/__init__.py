"""Files and environment into `Settings`; every mistake found at once.

May import: the contract and `catalogue`.
"""
