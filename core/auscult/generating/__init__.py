"""Files for other programs, made from what is configured here: dashboards of Grafana, alert rules of Prometheus. Pure.

May import: the contract, `rules` and `metrics`.
"""
