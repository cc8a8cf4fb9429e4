"""Loopback stand-ins for everything a voice agent depends on, with faults to switch on, and auscult's demo.

`stack` holds the stand-ins together and runs in a process of its own (``python -m auscult_rehearsal``); `client`
starts and steers that process; `demo` adds the real server of auscult and a configuration for it. The stand-ins are
for rehearsing: they listen on loopback only and their keys are no secrets.
"""

API_KEY = "rehearsal-key"
"""What the OpenAI-shaped stand-ins accept as bearer token."""
LIVEKIT_KEY = "rehearsal"
LIVEKIT_SECRET = "a-secret-for-rehearsing-only-0123456789"  # noqa: S105 - it protects nothing
"""What LiveKit's stand-in verifies tokens with."""
MODELS = ("rehearsal-llm", "rehearsal-reasoner", "rehearsal-stt", "rehearsal-tts")
"""What ``GET /v1/models`` lists."""
AGENT_NAME = "rehearsal-agent"
