"""Any client of StatsD will do; without one it takes a socket."""

import socket

lines = [
    "calls.answered:1|c|#line:sales",
    "calls.open:3|g",
    "llm.first_token:240|ms|@0.5|#model:gpt-4o-mini",
    "callers:+4930123456|s",
]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.sendto("\n".join(lines).encode(), ("127.0.0.1", 8125))
