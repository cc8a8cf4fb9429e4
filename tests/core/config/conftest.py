"""Checks of every shape an option can have, and a catalogue that holds them, without any plugin installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from msgspec import Meta, Struct

from auscult import (
    Channel,
    Check,
    CheckContext,
    ConfigurationError,
    Discovered,
    Duration,
    Measurement,
    MissingDependency,
    Preferences,
    Reading,
    SecretStr,
    UnknownKind,
)
from auscult.config import Settings, load


class _Still(Check):
    async def probe(self, ctx: CheckContext) -> Reading:
        return Reading.healthy()


class RedisCheck(_Still):
    """A Redis server answers PING."""

    kind = "redis"
    measurements = (Measurement("used_memory_bytes", "bytes", "Memory in use."),)

    url: str
    """Address, for example ``redis://127.0.0.1:6379/0``."""
    password: SecretStr = ""
    """Password, where the address has none."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 6379
    """Port."""

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        if url := environ.get("REDIS_URL"):
            settings = {"url": "${REDIS_URL}"}
            yield Discovered(name="redis", check=cls(url=url), because="REDIS_URL is set", settings=settings)


class Login(Struct, forbid_unknown_fields=True):
    user: str
    password: SecretStr = ""


class HttpCheck(_Still):
    """An address answers."""

    kind = "http"
    component_type: ClassVar[str] = "orchestrator"

    url: str
    """Address."""
    method: Literal["GET", "HEAD", "POST"] = "GET"
    """Method."""
    headers: dict[str, SecretStr] = {}
    """Headers."""
    status: tuple[int, ...] = (200,)
    """Statuses that are fine."""
    wait: Duration = Duration(1)
    """How long to wait."""
    follow: bool = False
    """Whether to follow redirects."""
    ratio: float = 0.5
    """A ratio."""
    login: Login | None = None
    """Credentials."""
    certificate: Path | None = None
    """A file."""
    body: str | None = None
    """What to send."""

    def __post_init__(self) -> None:
        if self.body is not None and self.method != "POST":
            raise ValueError(f"`body` {self.body!r} is sent by POST only, and `method` is {self.method}")


class PaidCheck(_Still):
    """Costs money, so it asks for a slow pace."""

    kind = "paid"

    def prefers(self) -> Preferences:
        return Preferences(interval=300, timeout=20, failures=1, successes=1, critical=False)


class HostCheck(_Still):
    """This machine."""

    kind = "host"

    def prefers(self) -> Preferences:
        return Preferences(failures=1, successes=1)


class DatabaseCheck(_Still):
    """Needs a driver that is not installed."""

    kind = "database"
    requires = {"no_such_driver": "postgres"}

    url: str
    """Address."""

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        if url := environ.get("DATABASE_URL"):
            yield Discovered(name="database", check=cls(url=url), because="DATABASE_URL is set")


class WebhookChannel(Channel):
    """Posts."""

    kind = "webhook"

    webhook_url: SecretStr
    """Where to."""
    headers: dict[str, SecretStr] = {}
    """Headers."""

    async def send(self, notification: Any, ctx: Any) -> None:
        """Nowhere."""


CHECKS: dict[str, type[Check]] = {cls.kind: cls for cls in (RedisCheck, HttpCheck, PaidCheck, HostCheck, DatabaseCheck)}


class FakeCatalogue:
    """What `auscult.catalogue.Catalogue` offers to the configuration."""

    def __init__(
        self, checks: Mapping[str, type[Check]] = CHECKS, channels: Mapping[str, type[Channel]] | None = None
    ) -> None:
        self.checks = dict(checks)
        self.channels = dict(channels or {})
        self.exporters: dict[str, type] = {}
        self.sources: dict[str, type] = {}
        self.panels: dict[str, type] = {}
        self.dashboards: list[Any] = []
        self.rules: list[Any] = []
        self.problems: list[Any] = []

    def check(self, kind: str) -> type[Check]:
        if kind not in self.checks:
            raise UnknownKind("check", kind, self.checks)
        if self.checks[kind].requires:
            package, extra = next(iter(self.checks[kind].requires.items()))
            raise MissingDependency(package, extra)
        return self.checks[kind]

    def missing(self, cls: type[Check]) -> str | None:
        return next((f"pip install 'auscult[{extra}]'" for extra in cls.requires.values()), None)


class Loader:
    """Writes a file and loads it, with nothing of the real environment in it."""

    def __init__(self, directory: Path, catalogue: FakeCatalogue) -> None:
        self.directory = directory
        self.catalogue = catalogue

    def write(self, text: str, name: str = "auscult.toml") -> Path:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def __call__(
        self,
        text: str | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        name: str = "auscult.toml",
        overrides: Mapping[str, Any] | None = None,
    ) -> Settings:
        path = self.write(text, name) if text is not None else None
        environ = {"AUSCULT_STATE_DIR": "/s", **(environ or {})}
        return load(path, environ=environ, overrides=overrides or {}, catalogue=self.catalogue)[0]

    def complaints(
        self, text: str, environ: Mapping[str, str] | None = None, *, name: str = "auscult.toml"
    ) -> list[str]:
        """Every finding as people see it, without the directory."""
        try:
            found = self(text, environ, name=name).warnings
        except ConfigurationError as error:
            found = error.findings
        return [str(finding).replace(f"{self.directory}/", "") for finding in found]


@pytest.fixture
def catalogue() -> FakeCatalogue:
    return FakeCatalogue()


@pytest.fixture
def loaded(tmp_path: Path, catalogue: FakeCatalogue, monkeypatch: pytest.MonkeyPatch) -> Loader:
    monkeypatch.chdir(tmp_path)
    return Loader(tmp_path, catalogue)


@pytest.fixture
def fake_catalogue() -> type[FakeCatalogue]:
    return FakeCatalogue


@pytest.fixture
def webhook() -> type[Channel]:
    return WebhookChannel
