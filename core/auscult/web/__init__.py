"""The Litestar app: health, metrics, API, page, authentication.

May import: everything but `cli`. Nothing but `cli` and the embedding user imports it.
"""
