"""The configuration that the demo runs with: what a newcomer would write, with the stand-ins' addresses."""

from __future__ import annotations

from typing import Any

from auscult_rehearsal import AGENT_NAME, API_KEY, LIVEKIT_KEY, LIVEKIT_SECRET

__all__ = ["component_of", "demo_configuration"]

_NAMES = {"stt": "stt_client", "llm": "llm_client", "tts": "tts_client"}

_HEAD = """\
# Written by `auscult demo`, anew at every start: copy it before you change it.
# The addresses are those of the stand-ins, which live as long as the demo does.

[defaults]
interval = "5s"
retry_interval = "2s"                  # how soon a change of status is confirmed

[defaults.threshold]                   # what is mended is healthy at once, however long it was broken:
success_rate_percent = 0               # the defaults, 95 and 5, look at the last hundred results
error_rate_percent = 100
"""
_PARTS = {
    "stt": """\
[components.stt_client]
check = "stt"
base_url = "{url}/v1"
api_key = "{api_key}"
model = "rehearsal-stt"
depth = "speech"                       # speaks to it, and counts the words it gets wrong
interval = "10s"
threshold = {{ response_time_ms = 2500 }}
group = "voice"
""",
    "llm": """\
[components.llm_client]
check = "llm"
base_url = "{url}/v1"
api_key = "{api_key}"
model = "rehearsal-llm"
depth = "completion"                   # streams an answer to its end
interval = "5s"
timeout = "5s"
expect = "ready"
threshold = {{ response_time_ms = 1000 }}
group = "voice"
""",
    "tts": """\
[components.tts_client]
check = "tts"
base_url = "{url}/v1"
api_key = "{api_key}"
model = "rehearsal-tts"
depth = "speech"                       # has it speak, and listens for silence
interval = "5s"
timeout = "5s"
threshold = {{ response_time_ms = 1500 }}
group = "voice"
""",
    "database": """\
[components.database]
check = "database"
url = "{url}"
query = "select count(*) from calls"
threshold = {{ response_time_ms = 500 }}
group = "storage"
""",
    "redis": """\
[components.redis]
check = "redis"
url = "{url}"
threshold = {{ response_time_ms = 500 }}
group = "storage"
""",
    "livekit": """\
[components.livekit]
check = "livekit"
url = "{url}"
api_key = "{livekit_key}"
api_secret = "{livekit_secret}"
threshold = {{ response_time_ms = 1000 }}
group = "rooms"
""",
    "orchestrator": """\
[components.orchestrator]
check = "orchestrator"
url = "{url}"
convention = "livekit-agents"
threshold = {{ response_time_ms = 1000 }}
depends_on = ["livekit"]
group = "rooms"
""",
}
_HOST = """\
[components.host]
check = "host"
interval = "10s"
critical = false                       # a busy laptop makes nobody's agent unhealthy
"""
_AGENT = """\
[sources.agent]                        # what the agent records: its requests, its calls to speech and language
source = "prometheus-scrape"
url = "{url}/metrics"
interval = "5s"
"""


def component_of(name: str) -> str:
    """What the stand-in `name` is called in the configuration."""
    return _NAMES.get(name, name)


def demo_configuration(components: dict[str, Any], *, agent: str = "") -> str:
    """TOML for the stand-ins that are there, for this machine, and for what an agent records at the address `agent`."""
    known = {
        "api_key": API_KEY,
        "livekit_key": LIVEKIT_KEY,
        "livekit_secret": LIVEKIT_SECRET,
        "agent_name": AGENT_NAME,
    }
    parts = [text.format(url=components[name]["url"], **known) for name, text in _PARTS.items() if name in components]
    return "\n".join([_HEAD, *parts, _HOST, *([_AGENT.format(url=agent)] if agent else [])])
