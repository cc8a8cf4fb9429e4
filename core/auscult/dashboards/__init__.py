"""Dashboards: which there are, one look at one of them, and what is kept for the page besides.

May import: the contract, what is pure, `store` and `runtime`.

`book` knows them all, `view` is what panels look at, `drawing` runs panels
so that a bad one harms nobody, `flat` and `table` are their data for Grafana and spreadsheets, `changes` remembers what
happened lately, `incidents` is what the public page tells.
"""

from __future__ import annotations
