"""The five base classes that plugins subclass: `Check`, `Channel`, `Exporter`, `Source`, `Panel`.

A subclass is a frozen, keyword-only msgspec Struct that refuses unknown fields: its fields are its options, each
documented by the string below it. The one abstract method is the work; everything else (time, repetition,
counting, storing, telling people) is the core's. There is no toolbox here: helpers are functions to import.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

import msgspec
from msgspec import Struct

from auscult.alert import ChangeKind, Notification
from auscult.families import Event, Export, Family, Samples, Snapshot
from auscult.model import Measurement, Reading
from auscult.options import public

if TYPE_CHECKING:
    import logging
    from pathlib import Path

    import httpx
    from prometheus_client import Metric

    from auscult.charts import Chart
    from auscult.clock import Clock
    from auscult.metrics.query import MetricAnswer, MetricQuery
    from auscult.model import Ping
    from auscult.panels import View
    from auscult.shapes import Shape

__all__ = [
    "TOLD",
    "Answer",
    "Channel",
    "ChannelContext",
    "Check",
    "CheckContext",
    "Discovered",
    "Ended",
    "Exporter",
    "ExporterContext",
    "KindMeta",
    "Panel",
    "Preferences",
    "Received",
    "Receiver",
    "Source",
    "SourceContext",
    "Unsent",
    "is_same",
]

Probe = Callable[[], Awaitable[Reading]]
T = TypeVar("T")


class KindMeta(msgspec.StructMeta, ABCMeta):
    """Gives every subclass the Struct flags that msgspec does not inherit, and keeps `abstractmethod` alive."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **flags: Any) -> KindMeta:
        """A new kind; `flags` may add to the fixed ones."""
        fixed = {"kw_only": True, "frozen": True, "forbid_unknown_fields": True, "eq": False}
        return super().__new__(mcls, name, bases, namespace, **(fixed | flags))


class _Kind(Struct, metaclass=KindMeta, kw_only=True, frozen=True, forbid_unknown_fields=True, eq=False):
    kind: ClassVar[str] = ""
    """The name in configuration: lower case letters, digits, ``-``, ``_``, ``.``."""
    requires: ClassVar[Mapping[str, str]] = {}
    """Import name to extra, for what this kind needs beyond the base install: ``{"psycopg": "postgres"}``."""
    may_require: ClassVar[Mapping[str, str]] = {}
    """The same for what only some of its options need; without it the kind still works."""

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in public(self).items())
        return f"{type(self).__name__}({inside})"


class Preferences(Struct, frozen=True, kw_only=True):
    """What a check would like where the user says nothing; None leaves the global default."""

    interval: float | None = None
    timeout: float | None = None
    failures: int | None = None
    successes: int | None = None
    critical: bool | None = None


class Discovered(Struct, frozen=True, kw_only=True):
    """A component that a check class proposes for an environment."""

    name: str
    """The component's name: ``redis``, ``stt_client``."""
    check: Check
    because: str
    """What was found, naming variables and never their values: ``REDIS_URL is set``."""
    settings: dict[str, Any] = {}
    """The options as a configuration file would say them, secrets as ``${NAME}`` references."""


class CheckContext:
    """What a probe is given. Small on purpose: never the monitor."""

    __slots__ = ()

    component: str
    """The component's name."""
    timeout: float
    """Seconds the probe has before it is cut."""
    clock: Clock
    log: logging.Logger
    """``auscult.plugins.<kind>``."""

    @property
    def http(self) -> httpx.AsyncClient:
        """A shared client over our own transport: egress policy at connect time, no redirects, no environment."""
        raise RuntimeError("this context offers no HTTP client")

    @property
    def state_dir(self) -> Path:
        """A directory of this component's own; made on first use."""
        raise RuntimeError("this context offers no state directory")

    @property
    def pings(self) -> tuple[Ping, ...]:
        """Signs of life pushed to this component, oldest first, restored after a restart."""
        return ()

    async def ask(self, question: MetricQuery, window: float, points: int = 1) -> MetricAnswer:
        """A question to the history of metrics, about the last `window` seconds."""
        raise RuntimeError("this context knows no history of metrics")

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call something that blocks, in a thread of this component's own, abandoned when the probe is cut.

        One at a time: while an abandoned call still runs, the next one waits for it.
        """
        from anyio import to_thread

        return await to_thread.run_sync(function, abandon_on_cancel=True)

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Addresses to connect to, as ``(literal address, port)``, the egress policy applied.

        Raises OSError when the name does not resolve, EgressRefused when no address is allowed.
        """
        raise RuntimeError("this context resolves no names")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Check(_Kind, kw_only=True, frozen=True, forbid_unknown_fields=True, eq=False):
    """Probes one component. Override `probe`, or `open` as well to keep a connection between probes."""

    component_type: ClassVar[str] = ""
    """What the component is in the seed document's terms (``stt_client``, ``database``); default the kind."""
    measurements: ClassVar[tuple[Measurement, ...]] = ()
    """Every number a reading may carry."""
    passive: ClassVar[bool] = False
    """True when nothing is probed: results are pushed."""

    @abstractmethod
    async def probe(self, ctx: CheckContext) -> Reading:
        """One look at the component. An exception is an unhealthy reading with its message.

        The body here serves a subclass that overrides `open` only: it opens, probes once and closes.
        """
        from contextlib import asynccontextmanager

        async with asynccontextmanager(self.open)(ctx) as once:
            return await once()

    async def open(self, ctx: CheckContext) -> AsyncIterator[Probe]:
        """Connect, yield an async function that probes once, disconnect after the yield.

        The core keeps it open between probes and opens anew after a probe that raised or was cut. No cancel scope
        or task group may be open across the yield: it is entered and left in different tasks.
        """
        yield partial(self.probe, ctx)

    def prefers(self) -> Preferences:
        """Interval and the like this check asks for where the user names none; paid depths ask for 300 s."""
        return Preferences()

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """What this check would monitor in that environment, at a depth that costs nothing.

        A ValueError about a variable that makes no sense becomes a warning to the user.
        """
        return ()


class _Context:
    """What those are given that talk to others for the monitor. Small on purpose: never the monitor."""

    __slots__ = ()

    timeout: float
    """Seconds that the work has before it is cut."""
    clock: Clock
    log: logging.Logger
    """``auscult.plugins.<kind>``."""

    @property
    def http(self) -> httpx.AsyncClient:
        """A shared client over our own transport: egress policy at connect time, no redirects, no environment."""
        raise RuntimeError("this context offers no HTTP client")

    @property
    def state_dir(self) -> Path:
        """A directory of its own; made on first use."""
        raise RuntimeError("this context offers no state directory")

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call something that blocks, in a thread of its own, abandoned when the work is cut."""
        from anyio import to_thread

        return await to_thread.run_sync(function, abandon_on_cancel=True)

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Addresses to connect to, as ``(literal address, port)``, the egress policy applied.

        Raises OSError when the name does not resolve, EgressRefused when no address is allowed.
        """
        raise RuntimeError("this context resolves no names")


class ChannelContext(_Context):
    """What a channel is given."""

    __slots__ = ()

    channel: str
    """The channel's name in the configuration."""


TOLD = frozenset(
    {
        ChangeKind.FIRED,
        ChangeKind.REOPENED,
        ChangeKind.UNSUPPRESSED,
        ChangeKind.ESCALATED,
        ChangeKind.REMINDED,
        ChangeKind.RESOLVED,
    }
)
"""The changes that a channel is told of unless its class says otherwise."""


class Unsent(Exception):
    """What `Channel.begin` began has turned out not to be possible that way; nothing was sent."""


Ended = Callable[[BaseException | None], None]
"""What is called when a delivery that `Channel.begin` began is over."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Channel(_Kind, kw_only=True, frozen=True, forbid_unknown_fields=True, eq=False):
    """Delivers notifications to one place."""

    tells: ClassVar[frozenset[ChangeKind]] = TOLD
    """The changes that this kind of channel delivers; add `ACKNOWLEDGED` where the receiver knows the notion."""
    best_effort: ClassVar[bool] = False
    """True where success cannot be known for certain; people are shown that."""

    @abstractmethod
    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """Deliver once; returning means that the receiver has it. Never retries by itself.

        Raises `DeliveryError` to say whether trying again can help, and when; any other exception is tried again.
        """

    def begin(self, notification: Notification, ctx: ChannelContext, ended: Ended) -> Callable[[], None] | None:
        """Deliver once without a task, where that is possible at once; None where it is not, and `send` has to do it.

        For channels that tell thousands a second; no other needs it. Does not block. Returns what cuts the delivery
        short. `ended` is called once, on the loop, after this has returned, unless it was cut: with None when the
        receiver has it, with what `send` would have raised, or with `Unsent`: then `send` is tried.
        """
        return None

    def delivery_timeout(self) -> float | None:
        """Seconds one delivery may take; None for the default of 30 s."""
        return None

    def renewal(self) -> float | None:
        """Seconds after which to be told again of everything that goes on; None for never.

        For receivers that forget what they are not told again. Such a notification has a key of its own and `REMINDED`
        notices, of all alerts that this channel was told of and not of their end, acknowledged and suppressed ones
        included; it tells of no change, is not tried again, and nothing else is on its way meanwhile.
        """
        return None

    def close(self) -> None:
        """Let go of what is kept between deliveries, such as connections; does not block.

        Called when the channel leaves the configuration and when the monitor stops; deliveries under way come to their
        own end, and more may follow.
        """


class ExporterContext(_Context):
    """What an exporter is given when it pushes."""

    __slots__ = ()

    exporter: str
    """The exporter's name in the configuration."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Exporter(_Kind, kw_only=True, frozen=True, forbid_unknown_fields=True, eq=False):
    """Takes metrics somewhere: override `push` (sent on an interval), `render` (pure, on request), or both."""

    buffers: ClassVar[bool] = False
    """True where the destination takes samples of the past: what it missed is kept on disk and pushed later, in order.
    False where only the present counts."""

    def render(self, snapshot: Snapshot) -> Export:
        """The snapshot as a document. Pure. It is served at ``/metrics/NAME``."""
        raise TypeError(f"the exporter `{self.kind}` does not render")

    async def push(self, snapshot: Snapshot, ctx: ExporterContext) -> None:
        """Send the snapshot once; returning means that the destination has it. Never retries by itself.

        Raises `DeliveryError` to say whether trying again can help, and when; any other exception is tried again.
        """
        raise TypeError(f"the exporter `{self.kind}` does not push")

    def renders(self) -> bool:
        """Whether this one, with its options, renders."""
        return type(self).render is not Exporter.render

    def pushes(self) -> bool:
        """Whether this one, with its options, pushes."""
        return type(self).push is not Exporter.push

    def every(self) -> float | None:
        """Seconds between pushes that an option of its own asks for; None for the common key `interval`, or else
        `defaults.metrics_export_interval`.
        """
        return None

    def push_timeout(self) -> float | None:
        """Seconds one push may take; None for the default of 30 s."""
        return None

    async def ended(self, ctx: ExporterContext) -> None:
        """Called once after the last push when the monitor stops cleanly, or the exporter leaves the configuration.

        A Pushgateway's group is deleted here. It has 2 s; an exception is logged.
        """

    def close(self) -> None:
        """Let go of what is kept between pushes, such as connections; does not block. Called after `ended`."""


class Receiver(Struct, frozen=True, kw_only=True):
    """Where a source takes in requests: ``/in/NAME`` and this path, NAME being the source's in the configuration."""

    path: str = ""
    """Empty, or from its slash on: ``/v1/metrics``."""
    methods: tuple[str, ...] = ("POST",)
    max_body: int = 16 << 20
    """Bytes of a body as it is sent; more is answered with 413. What a packed body unfolds to is the source's care."""
    public: bool = False
    """True where requests prove themselves, by a signature say; otherwise a token with the role `operator` is asked
    for once there are tokens."""
    well_known: bool = False
    """True for a path below ``/v1/`` that senders look for by themselves: it answers without ``/in/NAME`` as well, as
    long as one source alone has it."""


class Received(Struct, frozen=True, kw_only=True):
    """One request that a source is given."""

    path: str
    """The path of the `Receiver`."""
    method: str
    headers: Mapping[str, str]
    """By lower-case name."""
    query: Mapping[str, str]
    body: bytes
    """As it was sent; `content-encoding` is not undone."""


class Answer(Struct, frozen=True, kw_only=True):
    """How a request is answered."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


class SourceContext(_Context):
    """What a source is given: where to put what it finds. All of it from the event loop's thread."""

    __slots__ = ()

    source: str
    """The source's name in the configuration."""

    def put(self, families: Iterable[Metric | Samples]) -> None:
        """All that this source has now, in place of what it put before; for a scrape. prometheus_client's families or
        ours.
        """
        raise RuntimeError("this context takes no metrics")

    def set(
        self,
        family: Family,
        labels: Mapping[str, str],
        value: float,
        *,
        name: str = "",
        at: int | None = None,
    ) -> None:
        """One sample, in place of that series' last one; for what comes in bit by bit.

        `name` is the sample's where it is not the family's: ``x_bucket``, then with its label ``le``. A series that is
        not set for `Source.stale_after` seconds is left out.
        """
        raise RuntimeError("this context takes no metrics")

    def record(self, event: Event) -> None:
        """Something that happened once, kept one by one: a call to an AI service, a turn of a conversation."""
        raise RuntimeError("this context takes no events")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Source(_Kind, kw_only=True, frozen=True, forbid_unknown_fields=True, eq=False):
    """Brings metrics in: override `collect` (on an interval), `run` (for as long as the monitor runs), or `receive`
    (requests), or several of them.
    """

    async def collect(self, ctx: SourceContext) -> None:
        """One look at the place: fetch, then ``ctx.put(...)``. An exception makes the source's component unhealthy."""
        raise TypeError(f"the source `{self.kind}` does not collect")

    async def run(self, ctx: SourceContext) -> None:
        """Listen until cancelled. When it returns or raises it is run anew, after a growing pause."""
        raise TypeError(f"the source `{self.kind}` does not run")

    async def receive(self, request: Received, ctx: SourceContext) -> Answer:
        """Take in one request to one of `receivers`. An exception is answered with 500 and counted."""
        raise TypeError(f"the source `{self.kind}` does not receive")

    def receivers(self) -> Iterable[Receiver]:
        """Where requests are taken in."""
        return ()

    def collects(self) -> bool:
        """Whether this one, with its options, is asked on an interval."""
        return type(self).collect is not Source.collect

    def runs(self) -> bool:
        """Whether this one, with its options, listens."""
        return type(self).run is not Source.run

    def every(self) -> float | None:
        """Seconds between looks that an option of its own asks for; None for the common key `interval`, or 15 s."""
        return None

    def collect_timeout(self) -> float | None:
        """Seconds one look may take; None for 10 s."""
        return None

    def stale_after(self) -> float:
        """Seconds after which what was not put or set again is left out."""
        return 300.0

    def close(self) -> None:
        """Let go of what is kept between looks; does not block."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Panel(_Kind, kw_only=True, frozen=True, forbid_unknown_fields=True, eq=False):
    """Shows something on a dashboard. Pure; data only, no HTML, no script."""

    heading: ClassVar[str] = ""
    """The title where a dashboard gives none; default: the kind."""
    size: ClassVar[tuple[int, int]] = (6, 4)
    """Columns of twelve and rows where a dashboard says nothing."""

    @abstractmethod
    def show(self, view: View) -> Shape | Sequence[Shape]:
        """What to draw: one of the known shapes, or several to be drawn one below the other.

        Runs in a thread and has a few seconds; what it raises is shown in the panel's place.
        """

    def charts(self) -> Sequence[Chart]:
        """The same as queries to Prometheus, for ``auscult grafana export``; nothing where no metric tells it."""
        return ()


def is_same(kept: _Kind | None, new: _Kind) -> bool:
    """Whether two objects of a kind have the same class and options: then the one that runs may go on."""
    if type(kept) is not type(new):
        return False
    return all(getattr(kept, name) == getattr(new, name) for name in new.__struct_fields__)
