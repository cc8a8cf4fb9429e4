"""A first channel of one's own: a file beside the configuration, no packaging needed."""

from auscult import Channel, ChannelContext, Notification, SecretStr, deliver, hookimpl, wording


class LampChannel(Channel):
    """A lamp on the wall is red while something fires, and shows what."""

    kind = "lamp"

    url: str
    """Address of the lamp's controller, for example ``http://lamp.internal/api/state``."""
    token: SecretStr = ""
    """Sent as a bearer token; empty for none."""
    brightness: int = 80
    """How bright it is, in percent."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """Tell the controller once."""
        state = {
            "key": notification.key,
            "colour": "red" if notification.firing else "green",
            "brightness": self.brightness,
            "text": wording.compose(notification, 500),
        }
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        await deliver(self, ctx, self.url, json=state, headers=headers)


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """What this plugin offers."""
    return [LampChannel]
