"""The tables of metrics, and the words that go with them.

``metric_family``, ``metric_series``  what there is, with numbers for series; 64 neighbouring numbers are a *block*
``metric_log``     samples as they come, append only: one row for each block and moment, 8 bytes a sample
``metric_block``   up to which row of the log a block is compacted
``metric_span``    a stretch of a block that was compacted: its moments, stored once for all of its series
``metric_chunk``   the samples of one series in one span, compressed; its number is ``span * 64 + series % 64``
``metric_period``, ``metric_rolled``  roll-ups by minute and hour in the same manner, a period at a time
``metric_event``   events one by one; ``metric_word`` what recurs in them
"""

from __future__ import annotations

import struct

__all__ = ["BLOCK", "LEVELS", "STALE", "STALE_BITS", "TABLES", "Level"]

BLOCK = 64
STALE_BITS = 0x7FF8_0000_0000_0002
"""The bits of a number that stands for: no sample of this series at this moment."""
STALE: float = struct.unpack("<d", struct.pack("<q", STALE_BITS))[0]

Level = tuple[int, int]
"""How long a bucket is and how long a period, in ms."""
LEVELS: tuple[Level, ...] = ((60_000, 6 * 3_600_000), (3_600_000, 240 * 3_600_000))
"""Minutes, in periods of 6 hours; hours, in periods of 10 days."""

TABLES: tuple[str, ...] = (
    "CREATE TABLE metric_family (name TEXT PRIMARY KEY, type TEXT NOT NULL, unit TEXT NOT NULL, help TEXT NOT NULL)",
    """CREATE TABLE metric_series (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, family TEXT NOT NULL, name TEXT NOT NULL,
        labels TEXT NOT NULL, counts INTEGER NOT NULL
    )""",
    "CREATE INDEX metric_series_by_name ON metric_series (name)",
    """CREATE TABLE metric_log (
        id INTEGER PRIMARY KEY AUTOINCREMENT, block INTEGER NOT NULL, at INTEGER NOT NULL, numbers BLOB NOT NULL
    )""",
    "CREATE INDEX metric_log_by_block ON metric_log (block, id)",
    "CREATE TABLE metric_block (block INTEGER PRIMARY KEY, compacted INTEGER NOT NULL)",
    """CREATE TABLE metric_span (
        id INTEGER PRIMARY KEY, block INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        times BLOB NOT NULL
    )""",
    "CREATE INDEX metric_span_by_block ON metric_span (block, first)",
    "CREATE TABLE metric_chunk (id INTEGER PRIMARY KEY, final REAL, numbers BLOB NOT NULL)",
    """CREATE TABLE metric_period (
        id INTEGER PRIMARY KEY, level INTEGER NOT NULL, block INTEGER NOT NULL, start INTEGER NOT NULL,
        UNIQUE (level, block, start)
    )""",
    "CREATE INDEX metric_period_by_start ON metric_period (level, start)",
    "CREATE TABLE metric_rolled (id INTEGER PRIMARY KEY, buckets BLOB NOT NULL)",
    "CREATE TABLE metric_word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    """CREATE TABLE metric_event (
        id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, at INTEGER NOT NULL, labels INTEGER NOT NULL,
        shape INTEGER NOT NULL, numbers BLOB NOT NULL
    )""",
    "CREATE INDEX metric_event_by_kind ON metric_event (kind, at)",
)
