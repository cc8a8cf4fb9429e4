"""Alerts, pure: their life (`book`), who is told (`routing`), times of quiet (`quiet`), what is on its way (`outbox`).

May import: the contract.
"""
