"""What is measured as Prometheus families: names, rendering.

May import: the contract.
"""
