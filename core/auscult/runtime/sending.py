"""One delivery in flight."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from auscult.alert import Notification
from auscult.alerts.rows import Envelope
from auscult.errors import DeliveryError
from auscult.kinds import Channel, ChannelContext, Exporter, Source
from auscult.options import scrub
from auscult.replies import channel_secrets
from auscult.runtime.attempt import Attempt
from auscult.runtime.loop import Loop
from auscult.runtime.readings import failure

__all__ = ["Sending", "in_words"]


class Sending(Attempt):
    """One envelope on its way through a channel. Cut by `stop`, it is tried again after the next start."""

    def __init__(
        self,
        loop: Loop,
        channel: Channel,
        ctx: ChannelContext,
        envelope: Envelope,
        notification: Notification,
        ended: Callable[[Sending, BaseException | None], None],
    ) -> None:
        self.envelope = envelope
        self.marked = False
        """Whether it is on disk that this is in flight."""
        work = partial(channel.send, notification, ctx)
        super().__init__(loop, work, ctx.timeout, ended, f"the channel `{envelope.channel}`")


def in_words(error: BaseException, channel: Channel | Exporter | Source) -> str:
    """What went wrong, in a sentence for people; whatever the exception of a plugin does when it is asked.

    Without what `channel`, an exporter or a source, holds in secret.
    """
    try:
        said = str(error) if isinstance(error, DeliveryError) else failure(error)
        return scrub(said, channel_secrets(channel)).strip() or type(error).__name__
    except BaseException:
        return type(error).__name__
