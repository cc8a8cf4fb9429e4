"""The `apprise` channel: any service that Apprise knows, as well as that can be done."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from auscult import (
    AlertSeverity,
    AlertStatus,
    Channel,
    ChannelContext,
    DeliveryError,
    Notification,
    SecretStr,
    hookimpl,
    mask,
    wording,
)

__all__ = ["AppriseChannel", "auscult_channels"]

_MOST, _LEAST, _TITLE, _SAID = 8000, 500, 250, 200
"""Characters of a text that people still read, that we can compose, of a title, and of Apprise's own words."""


class AppriseChannel(Channel):
    """Sends by one of the services that Apprise knows."""

    kind = "apprise"
    best_effort = True

    url: Annotated[SecretStr, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*://")]
    """Address of one service in Apprise's form: ``matrixs://user:password@matrix.example.com/#ops``."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`. Apprise blocks, so it has a thread."""
        await ctx.in_thread(lambda: self._send(notification))

    def delivery_timeout(self) -> float | None:
        """See `Channel.delivery_timeout`; Apprise has limits of its own for each step, and holds itself back."""
        return 60.0

    def _send(self, notification: Notification) -> None:
        import apprise

        try:
            result = self._notify(apprise, notification)
            said = [] if result else [entry.message for entry in result.logs()]
        except DeliveryError:
            raise
        except Exception as error:
            raise DeliveryError(f"apprise: {type(error).__name__}: {self._clean(str(error))}") from None
        if not result:
            raise DeliveryError(f"apprise could not send: {self._clean('; '.join(said)) or 'it does not say why'}")

    def _clean(self, said: str) -> str:
        return wording.clean(mask(self, said), _SAID)

    def _notify(self, apprise: Any, notification: Notification) -> Any:
        asset = apprise.AppriseAsset(
            app_id="auscult",
            app_desc="auscult",
            async_mode=False,
            secure_logging=True,
            allow_templates=False,
            result_log_disk_size=0,
        )
        # Cut rather than told in parts: one message per notification.
        url = self.url if "overflow=" in self.url else f"{self.url}{'&' if '?' in self.url else '?'}overflow=truncate"
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            raise DeliveryError("`url` is no address that Apprise can read", retry=False)
        target = apprise.Apprise(asset=asset)
        target.add(service)
        room = min(max(service.body_maxlen or _MOST, _LEAST), _MOST)
        return target.notify(
            title=wording.truncate(wording.about(notification), _TITLE),
            body=wording.compose(notification, room, titled=False),
            notify_type=apprise.NotifyType(_type(notification)),
            body_format=apprise.NotifyFormat.TEXT,
        )


def _type(notification: Notification) -> str:
    """Apprise's word for it."""
    if not notification.firing:
        return "success"
    loud = [notice for notice in notification.firing if notice.alert.status is not AlertStatus.ACKNOWLEDGED]
    if not loud or notification.test:
        return "info"
    grave = {AlertSeverity.CRITICAL, AlertSeverity.HIGH}
    return "failure" if grave & {notice.alert.severity for notice in loud} else "warning"


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [AppriseChannel]
