"""Every channel there is, bundled or contributed, keeps the contract that plugin authors test theirs with."""

from __future__ import annotations

import pytest
from tests.servers.smtp import mailing
from tests.servers.vendor import Answer, serving

from auscult import Catalogue
from auscult.testing import assert_channel_contract

SECRET = "canary-Zq7-0123456789abcdef"
OPTIONS = {
    "log": {},
    "webhook": {"webhook_url": "{url}/hook/" + SECRET, "headers": {"X-Key": SECRET}},
    "email": {
        "host": "127.0.0.1",
        "port": "{port}",
        "security": "none",
        "sender": "a@example.com",
        "to": ["b@example.com"],
        "username": "me",
        "password": SECRET,
    },
    "slack": {"webhook_url": "{url}/services/" + SECRET},
    "pagerduty": {"routing_key": SECRET, "url": "{url}/v2/enqueue"},
    "discord": {"webhook_url": "{url}/api/webhooks/1/" + SECRET},
    "telegram": {"bot_token": f"123:{SECRET}", "chat_id": -100, "url": "{url}"},
    "teams": {"webhook_url": "{url}/workflows/" + SECRET},
    "ntfy": {"topic": SECRET, "token": SECRET, "url": "{url}"},
    "alertmanager": {"url": "{url}", "token": SECRET},
    "datadog": {"api_key": SECRET, "url": "{url}"},
    "apprise": {"url": "json://me:" + SECRET + "@{host}/x"},
}


def test_none_is_missing():
    """A new channel is added here."""
    channels = Catalogue.discover().channels
    ours = {kind for kind, cls in channels.items() if cls.__module__.startswith("auscult")}
    assert ours == set(OPTIONS)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("kind", OPTIONS)
def test_the_contract(kind):
    """With a receiver that takes everything."""
    with serving(lambda _: Answer(200, {"ok": True})) as vendor, mailing(logins={"me": SECRET}) as server:

        def filled(value):
            if value == "{port}":
                return server.port
            host = vendor.url.removeprefix("http://")
            return value.replace("{url}", vendor.url).replace("{host}", host) if isinstance(value, str) else value

        options = {name: filled(value) for name, value in OPTIONS[kind].items()}
        assert_channel_contract(Catalogue.discover().channel(kind), **options)
        assert kind == "log" or vendor.taken or server.taken
