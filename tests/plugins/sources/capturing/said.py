"""What is said in the captured conversations."""

WHAT_WAS_SAID = "planted: my card number is 4111 1111"
"""Stands in every place of these conversations in which content can stand."""
