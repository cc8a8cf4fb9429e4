"""What a configuration amounts to, as data: one Struct per table, one documented field per key.

The strings below the fields are the reference page and the descriptions in the JSON Schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from auscult.component import Component
from auscult.config.alerting import AlertSettings
from auscult.errors import Finding
from auscult.kinds import Exporter, Source
from auscult.model import HealthThreshold
from auscult.options import Duration, SecretStr
from auscult.panels import Dashboard

__all__ = [
    "AuthSettings",
    "AuthTable",
    "ComponentKeys",
    "DeadManSettings",
    "DefaultSettings",
    "EgressSettings",
    "LimitSettings",
    "OidcTable",
    "MetricsSettings",
    "RetentionSettings",
    "Role",
    "ServerSettings",
    "Settings",
    "StatusPageSettings",
    "StoreSettings",
    "Token",
    "TokenTable",
    "User",
    "UserTable",
]

Role = Literal["viewer", "operator", "admin"]

_Label = Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", description="a name made of letters, digits and `_`")]
_Labels = dict[_Label, str]
_Count = Annotated[int, Meta(ge=1, le=1000)]
_Weight = Annotated[float, Meta(ge=0, le=1_000_000)]
_Runbook = Annotated[
    str,
    Meta(pattern=r"^(https?://\S+|/\S*)?$", description="an address that begins with http://, https:// or /"),
]


def _check_networks(key: str, texts: tuple[str, ...]) -> None:
    from ipaddress import ip_network

    for text in texts:
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError(
                f"`{key}`: {text!r} is neither an address nor a network such as 10.0.0.0/8 or fd00::/8"
            ) from None


class ComponentKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every component may have beside its check's own options."""

    check: str
    """The kind of check: a name from `auscult plugins`."""
    type: str = ""
    """What the component is shown as (`component_type`). Default: what the check says it is."""
    interval: Duration | None = None
    """Time from the start of one probe to the start of the next. Default: what the check asks for, else
    `defaults.interval`."""
    timeout: Duration | None = None
    """How long a probe may take before it is cut. Default: what the check asks for, else `defaults.timeout`, else
    10 s; a default is never longer than the interval."""
    threshold: HealthThreshold = HealthThreshold()
    """Levels beyond which the component is `degraded`; those not named come from `defaults.threshold`."""
    depends_on: tuple[str, ...] = ()
    """Names of the components this one needs. When one of those is unhealthy, it is named as the likely cause."""
    weight: _Weight = 1.0
    """How much it counts in the weighted health score, against the other components' weights."""
    critical: bool | None = None
    """Whether the whole system is unhealthy when this component is. Default: what the check asks for, else
    `defaults.critical`."""
    group: str = ""
    """The heading under which it is shown."""
    labels: _Labels = {}
    """Names and values of your own, used to route and find alerts; added to `defaults.labels`."""
    runbook: _Runbook = ""
    """Where people read what to do when it fails: an address."""
    enabled: bool = True
    """`false` keeps the table and monitors nothing."""
    failures: _Count | None = None
    """Failing results in a row that make it unhealthy. Default: what the check asks for, else `defaults.failures`."""
    successes: _Count | None = None
    """Good results in a row that make it healthy again. Default: what the check asks for, else
    `defaults.successes`."""
    retry_interval: Duration | None = None
    """Time to the next probe while a change waits for confirmation. Default: `defaults.retry_interval`."""
    isolate: Literal["", "process"] = ""
    """`"process"` runs each probe in a process of its own, which is killed when it hangs."""
    counted: bool = True
    """`false` shows it and leaves it out of the totals."""


class DefaultSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for every component that says nothing else, and the pace of everything that repeats."""

    interval: Duration = Duration(30)
    """Time between probes. The variable `HEALTH_CHECK_INTERVAL` sets it as well."""
    timeout: Duration | None = None
    """How long a probe may take. Default: 10 s or the interval, whichever is shorter."""
    threshold: HealthThreshold = HealthThreshold()
    """Levels beyond which a component is `degraded`."""
    failures: _Count = 2
    """Failing results in a row that make a component unhealthy."""
    successes: _Count = 2
    """Good results in a row that make it healthy again."""
    retry_interval: Duration | None = None
    """Time to the next probe while a change waits for confirmation. Default: the component's interval."""
    critical: bool = True
    """Whether one unhealthy component makes the whole system unhealthy."""
    labels: _Labels = {}
    """Labels that every component gets."""
    alert_check_interval: Duration = Duration(60)
    """Time at most between looks at what time alone brings to alerts: `for`, absence, escalations, ends of silences.
    What is due earlier is looked at when it is due, and counts as of then in any case. The variable
    `ALERT_CHECK_INTERVAL` sets it as well."""
    metrics_export_interval: Duration = Duration(30)
    """Time between pushes of an exporter that names no interval of its own. The variable
    `METRICS_EXPORT_INTERVAL` sets it as well."""
    dashboard_update_interval: Duration = Duration(30)
    """Time between updates of a dashboard. The variable `DASHBOARD_UPDATE_INTERVAL` sets it as well."""


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and how the server listens and logs."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """Address to listen on. Anything but the loopback needs a token (see `auth`)."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8420
    """Port to listen on; 0 takes any free one."""
    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")] = "auscult"
    """What this installation is called in messages about alerts."""
    url: Annotated[str, Meta(pattern=r"^(https?://\S+)?$", description="an address that begins with https://")] = ""
    """Where people find this server; messages about alerts link to it. Empty: they do not."""
    public_metrics: bool = False
    """Whether `/metrics` is readable without a token once tokens exist."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of reverse proxies whose `X-Forwarded-*` headers are believed."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may carry; `*.example.com` stands for every name below. Empty: any, once a token
    exists; loopback names only, before."""
    graceful_timeout: Duration = Duration(2)
    """How long the server may take to end after SIGTERM; open requests and streams are cut about a second before."""
    log_format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object per line."""
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    """The least level that is logged."""
    metric_timestamps: bool = True
    """Whether the health families at `/metrics` carry the time of the last evaluation."""

    def __post_init__(self) -> None:
        _check_networks("trusted_proxies", self.trusted_proxies)


class RetentionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long results are kept, by how exact they are."""

    raw: Duration = Duration(48 * 3600)
    """Every single result."""
    minutes: Duration = Duration(30 * 86400)
    """One row per component and minute."""
    hours: Duration = Duration(400 * 86400)
    """One row per component and hour."""


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where history is kept, and how much of it."""

    state_dir: Path = Path("auscult-state")
    """Directory of everything that outlives a restart. Default: `$STATE_DIRECTORY` (systemd sets it), else
    `$XDG_STATE_HOME/auscult`, else `~/.local/state/auscult`. `--state-dir` and `AUSCULT_STATE_DIR` come first."""
    retention: RetentionSettings = RetentionSettings()
    """How long results are kept."""
    metric_interval: Duration = Duration(15)
    """Time between the samples of each metric that are kept. 0 keeps none."""
    low_water_bytes: Annotated[int, Meta(ge=0)] = 64 * 1024 * 1024
    """Free space on the disk below which results are no longer written, so that alerts still can be."""

    def options(self) -> dict[str, Any]:
        """Give what `Store.open` takes beside the directory."""
        return {"retention": self.retention, "low_water_bytes": self.low_water_bytes}


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one plugin may cost everybody else."""

    measurements: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Measurements kept per reading; more are dropped, counted and shown."""
    labels: Annotated[int, Meta(ge=1, le=1000)] = 32
    """Labels that a series may have; one with more is refused, counted and shown."""
    label_name: Annotated[int, Meta(ge=1, le=10_000)] = 128
    """Bytes that the name of a metric or of a label may have."""
    label_value: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    """Bytes that the value of a label may have."""
    series: Annotated[int, Meta(ge=1, le=100_000_000)] = 50_000
    """Series taken in from sources and registries, all together; new ones beyond that are refused."""


class EgressSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which addresses probes and channels may connect to, judged on the resolved address at connect time.

    Link-local, cloud metadata, multicast and translated addresses are refused unless allowed here.
    """

    allow: tuple[str, ...] = ()
    """Networks or addresses that are allowed whatever the rest says: `169.254.169.254`, `10.0.0.0/8`."""
    deny: tuple[str, ...] = ()
    """Networks or addresses that are refused."""
    strict: bool = False
    """Refuse every address that is not public, unless allowed: for monitoring on behalf of others."""

    def __post_init__(self) -> None:
        _check_networks("allow", self.allow)
        _check_networks("deny", self.deny)


class DeadManSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that is asked for as long as alerts could go out, for a watchdog elsewhere that raises the alarm when
    nobody asks any more. It falls silent when rules are judged no more, when alerts cannot be committed, when nobody
    delivers, and when every channel has failed for five minutes.
    """

    url: SecretStr = ""
    """The address: of Healthchecks, of Uptime Kuma's push monitor, or of another auscult's `heartbeat`. Empty: none."""
    interval: Duration = Duration(60)
    """Time between two requests."""
    method: Literal["GET", "POST"] = "GET"
    """How it is asked; another auscult wants `POST`."""
    headers: dict[str, SecretStr] = {}
    """Headers of the request: `{ Authorization = "Bearer …" }`."""

    def __post_init__(self) -> None:
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError("`url`: expected an address that begins with http:// or https://")
        if self.interval < 1:
            raise ValueError(f"`interval`: expected at least 1s, found {self.interval}")


class MetricsSettings(Struct, frozen=True, kw_only=True):
    """Exporters and sources, built, and what else the metrics need to know."""

    exporters: dict[str, Exporter] = {}
    exporter_intervals: dict[str, float] = {}
    """The common key `interval` of those that have it, in seconds."""
    sources: dict[str, Source] = {}
    source_intervals: dict[str, float] = {}
    limits: LimitSettings = LimitSettings()
    export_interval: float = 30.0
    """`defaults.metrics_export_interval`."""
    store_interval: float = 15.0
    """`store.metric_interval`."""

    def __repr__(self) -> str:
        return f"MetricsSettings(exporters={sorted(self.exporters)}, sources={sorted(self.sources)})"


class TokenTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bearer token; its name is the table's. Either `hash` or `token` is given."""

    role: Role
    """What its bearer may do: `viewer` reads, `operator` acts (acknowledge, check now, push), `admin` also reloads."""
    hash: SecretStr = ""
    """The token's scrypt hash."""
    token: SecretStr = ""
    """The token in clear, hashed when it is read; best as `${NAME}` or `{ file = "…" }`."""

    def __repr__(self) -> str:
        return f"TokenTable(role={self.role!r})"


class Token(Struct, frozen=True, kw_only=True):
    """A bearer token as the server knows it."""

    name: str
    role: Role
    hash: SecretStr
    """scrypt, its parameters and salt inside; see `auscult.config.tokens`."""

    def __repr__(self) -> str:
        return f"Token(name={self.name!r}, role={self.role!r}, hash='***')"


class UserTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person who may log in at the page with a password; the name is the table's."""

    role: Role
    """What the person may do; as for a token."""
    hash: SecretStr
    """The password's scrypt hash, as `auscult user NAME` prints it."""

    def __repr__(self) -> str:
        return f"UserTable(role={self.role!r})"


class User(Struct, frozen=True, kw_only=True):
    """A person who may log in with a password, as the server knows them."""

    name: str
    role: Role
    hash: SecretStr

    def __repr__(self) -> str:
        return f"User(name={self.name!r}, role={self.role!r}, hash='***')"


class OidcTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Login through an OpenID Connect provider. Needs the extra `oidc`."""

    issuer: Annotated[str, Meta(pattern=r"^https?://\S+$", description="an address that begins with https://")]
    """The provider's address; `/.well-known/openid-configuration` below it says the rest."""
    client_id: Annotated[str, Meta(min_length=1)]
    """What this auscult is called at the provider."""
    client_secret: SecretStr = ""
    """Best as `${NAME}` or `{ file = "…" }`."""
    title: str = "Single sign-on"
    """What stands on the button."""
    url: Annotated[str, Meta(pattern=r"^(https?://\S+)?$", description="an address that begins with https://")] = ""
    """The address of this auscult as browsers see it, for the provider to send them back to `/login/oidc/callback`
    below it. Default: the one of the request."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What is asked for."""
    name_claim: str = "preferred_username"
    """The claim that a person is called by; `email` and `sub` stand in where it is missing."""
    role_claim: str = "groups"
    """The claim whose values decide about the role, a text or a list."""
    roles: dict[str, Role] = {}
    """Values of that claim and the role that each gives; the most powerful one counts."""
    default_role: Literal["", "viewer", "operator", "admin"] = ""
    """The role of those to whom no value gives one. Empty: they are refused."""

    def __repr__(self) -> str:
        return f"OidcTable(issuer={self.issuer!r}, client_id={self.client_id!r})"


class AuthTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may do what. Without any token the server serves the loopback only, and everybody there is admin."""

    tokens: dict[str, TokenTable] = {}
    """Bearer tokens by name: `[auth.tokens.NAME]`."""
    tokens_file: str = ""
    """A TOML file of further tokens, one table `[NAME]` each; relative to the configuration file."""
    users: dict[str, UserTable] = {}
    """People who log in at the page with a password, by name: `[auth.users.NAME]`."""
    oidc: OidcTable | None = None
    """Login through a provider: `[auth.oidc]`."""
    session_lifetime: Duration = Duration(7 * 86400)
    """How long after the login a session ends whatever happens."""
    session_idle: Duration = Duration(86400)
    """How long after the last request a session ends."""


class AuthSettings(Struct, frozen=True, kw_only=True):
    """The tokens of the file, the tokens file and the environment, all hashed; and who may log in how."""

    tokens: tuple[Token, ...] = ()
    users: tuple[User, ...] = ()
    oidc: OidcTable | None = None
    session_lifetime: float = 7 * 86400.0
    session_idle: float = 86400.0

    @property
    def anybody(self) -> bool:
        """Whether there is anything to prove who one is with; if not, this machine alone may ask."""
        return bool(self.tokens or self.users or self.oidc is not None)


class StatusPageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page for everybody, without login, that shows no more than what is listed here. Off by default."""

    enabled: bool = False
    """`true` makes `/status`, its data and the badges public."""
    title: str = "Status"
    """The heading."""
    description: str = ""
    """A sentence below it."""
    groups: tuple[str, ...] = ()
    """The groups of components that are shown, in this order."""
    components: tuple[str, ...] = ()
    """Further components that are shown. Without groups and components: all that count."""
    names: dict[str, str] = {}
    """What components are called there, by their name: `{ stt_client = "Speech recognition" }`."""
    group_names: dict[str, str] = {}
    """What groups are called there."""


class Settings(Struct, frozen=True, kw_only=True):
    """A complete, checked configuration. What `load` returns and the monitor and the server are made from."""

    components: dict[str, Component] = {}
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    auth: AuthSettings = AuthSettings()
    defaults: DefaultSettings = DefaultSettings()
    limits: LimitSettings = LimitSettings()
    egress: EgressSettings = EgressSettings()
    deadman: DeadManSettings = DeadManSettings()
    plugins: tuple[str, ...] = ()
    """Local plugins: paths relative to the file, or dotted module names."""
    channels: dict[str, dict[str, Any]] = {}
    """Tables by name, references followed, so that they hold secrets: print them through `show` only."""
    exporters: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, Any]] = {}
    rules: dict[str, dict[str, Any]] = {}
    maintenance: dict[str, dict[str, Any]] = {}
    routes: list[dict[str, Any]] = []
    dashboards: dict[str, dict[str, Any]] = {}
    alerting: AlertSettings = AlertSettings()
    """Rules, channels, routes and maintenance windows, built."""
    metrics: MetricsSettings = MetricsSettings()
    boards: tuple[Dashboard, ...] = ()
    """The dashboards of the file, built."""
    status_page: StatusPageSettings = StatusPageSettings()
    itself: Component | None = None
    """`[components.auscult]`: the common keys for the monitor's own component; its check is a placeholder."""
    file: Path | None = None
    discovered: bool = False
    """True when the components were found in the environment, since no file lists any."""
    warnings: list[Finding] = []

    def __repr__(self) -> str:
        return f"Settings(file={str(self.file)!r}, components={sorted(self.components)}, discovered={self.discovered})"
