"""Thresholds as the original specification writes them."""

from auscult.health_monitor import HealthThreshold

custom_threshold = HealthThreshold(
    response_time_ms=3000.0,  # 3 seconds
    success_rate_percent=90.0,  # 90%
    error_rate_percent=10.0,  # 10%
    memory_usage_percent=80.0,  # 80%
    cpu_usage_percent=75.0,  # 75%
    disk_usage_percent=85.0,  # 85%
)
print(custom_threshold.response_time_ms)
