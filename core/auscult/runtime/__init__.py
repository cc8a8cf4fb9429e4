"""The running parts: scheduler, prober, inbox, watchdog, egress and the HTTP client that plugins are given.

May import: the contract, `engine`, `store`, `metrics`. Never `monitor`, `config`, `web`, `cli`.
"""
