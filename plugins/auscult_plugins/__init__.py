"""The bundled plugins: one module per integration, found through entry points like anybody else's.

Each imports public names from `auscult` only, no driver at module top, and no other plugin.
"""
