"""Pure: health, system aggregation, trends. No I/O, no event loop, no clock of its own.

May import: the contract (`model`, `errors`, `clock`, `component`, `kinds`, `options`).
"""
