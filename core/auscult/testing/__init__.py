"""What plugin authors import in their tests.

May import: everything but `web` and `cli`.
"""
