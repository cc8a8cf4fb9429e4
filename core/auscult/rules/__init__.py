"""Pure: when an alert begins and ends. Conditions, message templates, rules, and the engine that steps them.

May import: the contract (`model`, `errors`, `options`, `component`) and `engine`.
"""
