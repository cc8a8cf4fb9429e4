"""The live engine over time that passes as it is told to: tests of rules, and replays of what was recorded.

May import: everything but `testing`, `web` and `cli`.
"""
