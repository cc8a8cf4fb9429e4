"""What the user's process records: requests it serves, calls it makes to AI services, and what those cost.

All of it ends in plain prometheus_client objects in a registry of the user's. May import: the contract and
prometheus_client.
"""
