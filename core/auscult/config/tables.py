"""Every table but `components`: settings, tokens, and the tables that later parts read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from auscult.component import NAME
from auscult.config import document, tokens
from auscult.config.decode import FAILED, Decoder
from auscult.config.document import KeyPath
from auscult.config.environment import LAYERED, state_directory
from auscult.config.references import References
from auscult.config.report import Report
from auscult.config.settings import (
    AuthSettings,
    AuthTable,
    DefaultSettings,
    StoreSettings,
    Token,
    TokenTable,
    User,
)
from auscult.errors import ConfigurationError, did_you_mean, misspelt
from auscult.options import Duration

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["KINDS", "NAMED", "PACED", "TABLES", "Tables"]

KINDS = {"channels": "channel", "exporters": "exporter", "sources": "source"}
"""Tables of plugins, and the key that names the kind in each."""
PACED = ("exporters", "sources")
"""Those of them that have the common key `interval`."""
NAMED = (*KINDS, "rules", "maintenance", "dashboards")
TABLES = ("components", *NAMED, "routes", *LAYERED)
NAME_RULE = "a name has 1 to 64 of the characters a-z 0-9 _ . -"
LOGIN = re.compile(r"[a-zA-Z0-9_.@+-]{1,64}")
LOGIN_RULE = "a login name has 1 to 64 of the characters a-z A-Z 0-9 _ . @ + -"

_FROM_ENVIRONMENT = (
    ("ALERT_WEBHOOK_URL", "channels", "webhook", "webhook_url"),
    ("PROMETHEUS_PUSHGATEWAY_URL", "exporters", "prometheus", "pushgateway_url"),
)
T = TypeVar("T", bound=Struct)


class Tables:
    """The tables of one configuration, decoded one after the other; findings go to the decoder's report."""

    def __init__(self, data: Mapping[str, Any], decoder: Decoder, environ: Mapping[str, str]) -> None:
        self._data = data
        self.decoder = decoder
        self._report = decoder.report
        self._environ = environ
        self.objects: dict[str, dict[str, Any]] = {table: {} for table in KINDS}
        """What `named` has built of the tables of plugins, by table and name; those switched off are left out."""
        self.intervals: dict[str, dict[str, float]] = {table: {} for table in PACED}
        """The common key `interval` of those that have it."""

    def refuse_unknown(self) -> None:
        """Report every key at the top that means nothing."""
        for key in self._data:
            if key not in TABLES and key != "plugins":
                self._report.add((key,), "unknown table" + did_you_mean(key, [*TABLES, "plugins"]))

    def plugins(self) -> tuple[str, ...]:
        """The local plugins."""
        raw = self._data.get("plugins", [])
        found = self.decoder.value(raw, tuple[str, ...], ("plugins",))
        return () if found is FAILED else found

    def settings(self, key: str, kind: type[T]) -> T:
        """One table of settings; its defaults where it is wrong."""
        found = self.decoder.struct(kind, self._data.get(key, {}), (key,))
        return kind() if found is FAILED else found

    def defaults(self) -> DefaultSettings:
        """The table `defaults`, durations checked."""
        found = self.settings("defaults", DefaultSettings)
        pace = (
            "interval",
            "timeout",
            "retry_interval",
            *(name for name in found.__struct_fields__ if "_interval" in name),
        )
        ok = [refuse_zero(self._report, ("defaults", key), getattr(found, key)) for key in dict.fromkeys(pace)]
        return found if all(ok) else DefaultSettings()

    def store(self, directory: Path | None) -> StoreSettings:
        """The table `store`, the state directory found (decision 5); relative ones start at the file's directory."""
        found = self.settings("store", StoreSettings)
        raw = self._data.get("store")
        if not (isinstance(raw, dict) and "state_dir" in raw):
            return replace(found, state_dir=state_directory(self._environ))
        if directory is not None and ("store", "state_dir") not in self._report.origins:
            return replace(found, state_dir=directory / found.state_dir)
        return found

    # Tokens

    def auth(self, directory: Path | None) -> AuthSettings:
        """All tokens, hashed."""
        table = self.settings("auth", AuthTable)
        raw = self._data.get("auth")
        found = _tokens(self.decoder, raw.get("tokens") if isinstance(raw, dict) else None, ("auth", "tokens"))
        if table.tokens_file:
            found += self._tokens_file((directory or Path()) / table.tokens_file, {token.name for token in found})
        for key in ("session_lifetime", "session_idle"):
            refuse_zero(self._report, ("auth", key), getattr(table, key))
        if table.oidc is not None and any(find_spec(name) is None for name in ("authlib", "joserfc")):
            message = "needs packages that are not installed; run: pip install 'auscult[oidc]'"
            self._report.add(("auth", "oidc"), message)
        return AuthSettings(
            tokens=tuple(found),
            users=self._users(table),
            oidc=table.oidc,
            session_lifetime=float(table.session_lifetime),
            session_idle=float(table.session_idle),
        )

    def _users(self, table: AuthTable) -> tuple[User, ...]:
        for name, user in table.users.items():
            if not LOGIN.fullmatch(name):
                self._report.add(("auth", "users", name), LOGIN_RULE)
            elif problem := tokens.hash_problem(user.hash):
                self._report.add(("auth", "users", name, "hash"), problem)
        return tuple(User(name=name, role=user.role, hash=user.hash) for name, user in table.users.items())

    def _tokens_file(self, path: Path, taken: set[str]) -> list[Token]:
        try:
            source = document.read(path)
        except ConfigurationError as error:
            self._report.findings.extend(error.findings)
            return []
        report = Report(source)
        found = _tokens(Decoder(report, References(self._environ, source.directory)), source.data, ())
        for name in taken.intersection(source.data):
            report.add((name,), "the configuration has a token of that name already")
        self._report.findings.extend(report.findings)
        return found

    # Tables that later parts read

    def named(self, table: str, catalogue: Catalogue) -> dict[str, dict[str, Any]]:
        """Tables by name, references followed; those of plugins are tried on the plugin's class."""
        found: dict[str, dict[str, Any]] = {}
        for name, raw in self._tables(table):
            # Rules and windows are decoded by `alerting`, which knows where a table named `file` is no reference.
            plain = raw if table in ("rules", "maintenance") else self.decoder.plain(raw, (table, name))
            if table in KINDS:
                self._try_kind(table, name, raw, catalogue)
            if plain is not FAILED:
                found[name] = plain
        return found

    def _tables(self, table: str) -> Iterable[tuple[str, dict[str, Any]]]:
        raw = self._data.get(table, {})
        if not isinstance(raw, dict):
            self._report.add((table,), f"expected tables such as [{table}.name]")
            return
        for name, inner in raw.items():
            if not NAME.fullmatch(name):
                self._report.add((table, name), NAME_RULE)
            elif not isinstance(inner, dict):
                self._report.add((table, name), f"expected a table: [{table}.{name}]")
            else:
                yield name, inner

    def _try_kind(self, table: str, name: str, raw: dict[str, Any], catalogue: Catalogue) -> None:
        role = KINDS[table]
        classes: Mapping[str, type] = getattr(catalogue, table, {})
        kind = self.decoder.value(raw[role], str, (table, name, role)) if role in raw else None
        if kind is FAILED:
            return
        if kind is None:
            hint = misspelt(role, raw) or did_you_mean(name, classes)
            self._report.add((table, name), f"missing: `{role}` names the kind{hint}")
        elif kind in classes:
            self._build(table, name, raw, classes[kind], catalogue)
        elif classes:
            message = f"no installed plugin offers the {role} `{kind}`{did_you_mean(kind, classes)}"
            self._report.add((table, name, role), message)
        else:
            message = f"no installed plugin offers any {role}, so this table does nothing"
            self._report.add((table, name), message, fatal=False)

    def _build(self, table: str, name: str, raw: dict[str, Any], cls: type, catalogue: Catalogue) -> None:
        role = KINDS[table]
        common = (role, "enabled", "interval") if table in PACED else (role, "enabled")
        options = {key: value for key, value in raw.items() if key not in common}
        built = self.decoder.value(options, cls, (table, name), also=common)
        if table in PACED and "interval" in raw:
            path = (table, name, "interval")
            interval = self.decoder.value(raw["interval"], Duration, path)
            if interval is not FAILED and refuse_zero(self._report, path, interval):
                self.intervals[table][name] = float(interval)
        enabled = self.decoder.value(raw.get("enabled", True), bool, (table, name, "enabled"))
        if built is FAILED or enabled is not True:
            return
        if remedy := catalogue.missing(cls):
            message = f"the {role} `{raw[role]}` needs a package that is not installed; run: {remedy}"
            self._report.add((table, name, role), message)
        self.objects[table][name] = built

    def routes(self) -> list[dict[str, Any]]:
        """The ordered list ``[[routes]]``; `alerting` decodes it."""
        raw = self._data.get("routes", [])
        if not isinstance(raw, list):
            self._report.add(("routes",), "expected a list: write [[routes]], once for each route")
            return []
        found = []
        for at, route in enumerate(raw):
            if not isinstance(route, dict):
                self._report.add(("routes", at), "expected a table")
            else:
                found.append(route)
        return found


def from_environment(data: dict[str, Any], environ: Mapping[str, str], referenced: Iterable[str]) -> dict[KeyPath, str]:
    """Add what ALERT_WEBHOOK_URL and PROMETHEUS_PUSHGATEWAY_URL alone configure; returns where it came from.

    A file that has a table of that name, or uses the variable somewhere, has said what it wants.
    """
    used = set(referenced)
    origins: dict[KeyPath, str] = {}
    for variable, table, name, key in _FROM_ENVIRONMENT:
        tables = data.get(table, {})
        if environ.get(variable) and variable not in used and isinstance(tables, dict) and name not in tables:
            data[table] = {**tables, name: {KINDS[table]: name, key: f"${{{variable}}}"}}
            origins[table, name] = variable
    return origins


def refuse_zero(report: Report, path: KeyPath, value: Duration | None) -> bool:
    """Report a duration that is too short to be meant; whether it is fine."""
    if value is None or value >= 0.01:
        return True
    report.add(path, f"expected a duration of at least 10ms, found {value}")
    return False


def _tokens(decoder: Decoder, tables: Any, path: KeyPath) -> list[Token]:
    """Every token of `tables` that has no mistake, each decoded on its own so that all mistakes show."""
    found = []
    for name, raw in tables.items() if isinstance(tables, dict) else ():
        table = decoder.struct(TokenTable, raw, (*path, name))
        if table is FAILED:
            continue
        if problem := _token_problem(name, table):
            decoder.report.add((*path, name, *problem[0]), problem[1])
        else:
            hashed = table.hash or tokens.hash_token(table.token, salt=tokens.PROCESS_SALT)
            found.append(Token(name=name, role=table.role, hash=hashed))
    return found


def _token_problem(name: str, table: TokenTable) -> tuple[KeyPath, str] | None:
    if not NAME.fullmatch(name):
        return (), NAME_RULE
    if bool(table.hash) == bool(table.token):
        both = "has both; keep one" if table.hash else "missing"
        return (), f"{both}: `hash` (from `auscult token {name}`) or `token`"
    if table.hash and (problem := tokens.hash_problem(table.hash)):
        return ("hash",), problem
    if table.token and len(table.token) < tokens.MIN_LENGTH:
        return ("token",), f"expected at least {tokens.MIN_LENGTH} characters; `auscult token {name}` makes a good one"
    return None
