"""Bearer tokens: made at random, kept as scrypt hashes, compared in constant time.

A hash is text that carries its parameters and its salt, Base64 without padding:
``scrypt$n=16384,r=8,p=1$<salt>$<key>``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from auscult.errors import ConfigurationError

if TYPE_CHECKING:
    from auscult.config.settings import Settings, Token

__all__ = [
    "ROLES",
    "TokenBook",
    "allows",
    "check_exposure",
    "check_password",
    "hash_problem",
    "hash_token",
    "new_token",
    "verify",
]

ROLES = ("viewer", "operator", "admin")
"""From the least to the most powerful."""

MIN_LENGTH = 16
"""Characters; shorter tokens can be guessed."""

_N, _R, _P, _SALT, _KEY = 2**14, 8, 1, 16, 32
_MAX_MEMORY = 160 * 1024 * 1024
_MAX_WORK = 2**20
"""n * r * p: eight times what `hash_token` asks for, and at most 128 MiB."""
_FORM = re.compile(r"scrypt\$n=(\d{1,8}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,})\$([A-Za-z0-9+/]{22,})")
PROCESS_SALT = secrets.token_bytes(_SALT)
"""Salt of the tokens that configuration holds in clear: hashed at every load, the same within one process."""
_REMEMBERED = 256
K = TypeVar("K")
V = TypeVar("V")
_Parameters = tuple[int, int, int, bytes, int]


def new_token() -> str:
    """A token of 256 random bits, ``aus_…``."""
    return "aus_" + secrets.token_urlsafe(32)


def hash_token(token: str, *, salt: bytes | None = None) -> str:
    """The scrypt hash of `token`; takes some 50 ms on purpose."""
    salt = secrets.token_bytes(_SALT) if salt is None else salt
    key = _derive(token, (_N, _R, _P, salt, _KEY))
    return f"scrypt$n={_N},r={_R},p={_P}${_encode(salt)}${_encode(key)}"


def verify(token: str, hashed: str) -> bool:
    """Whether `token` is the one that was hashed; False for anything that is no hash of ours.

    Compares in constant time. The last answers are remembered, so that a request costs no scrypt.
    """
    key = (_digest(token), hashed)
    known, answer = _answers.get(key)
    if not known:
        parsed = _parse(hashed)
        answer = parsed is not None and hmac.compare_digest(_derive(token, parsed[0]), parsed[1])
        _answers.put(key, answer)
    return bool(answer)


def check_password(password: str, hashed: str) -> bool:
    """As `verify`, and nothing is remembered: people choose passwords, and a quick hash of one could be guessed."""
    parsed = _parse(hashed)
    return parsed is not None and hmac.compare_digest(_derive(password, parsed[0]), parsed[1])


def hash_problem(hashed: str) -> str:
    """What is wrong with a hash from a configuration, in words; empty when nothing is."""
    if _parse(hashed) is not None:
        return ""
    return "is no hash that `auscult token` made: expected scrypt$n=…,r=…,p=…$<salt>$<key>"


def allows(role: str, needed: str) -> bool:
    """Whether `role` may do what `needed` may: admin everything, viewer the least. False for unknown roles."""
    return role in ROLES and needed in ROLES and ROLES.index(role) >= ROLES.index(needed)


class _Answers(Generic[K, V]):
    """The last few answers, by question. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: K) -> tuple[bool, V | None]:
        """Whether there is an answer, and the answer."""
        with self._lock:
            if key not in self._known:
                return False, None
            self._known.move_to_end(key)
            return True, self._known[key]

    def put(self, key: K, answer: V) -> None:
        """Remember; the oldest answer is forgotten when there are too many."""
        with self._lock:
            self._known[key] = answer
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


_answers: _Answers[tuple[bytes, str], bool] = _Answers()
"""Answers to pure questions: two monitors in one process may share them."""


class TokenBook:
    """Finds the token somebody presented. Thread-safe.

    Deriving a key takes tens of milliseconds, so answers are remembered under the token's SHA-256, the last 256 of
    them; a first `find` belongs in a worker thread, `recall` answers at once what is remembered.
    """

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = [(token, parsed) for token in tokens if (parsed := _parse(token.hash))]
        self._known: _Answers[bytes, Token | None] = _Answers()

    def __len__(self) -> int:
        return len(self._tokens)

    def recall(self, presented: str) -> tuple[bool, Token | None]:
        """Whether the answer is remembered, and the answer. Never slow."""
        return self._known.get(_digest(presented))

    def find(self, presented: str) -> Token | None:
        """The token whose hash fits, or None. May take some 50 ms per salt in use."""
        known, token = self.recall(presented)
        if not known:
            token = self._search(presented)
            self._known.put(_digest(presented), token)
        return token

    def _search(self, presented: str) -> Token | None:
        """Every token is tried, so that the time says nothing about which one fits."""
        derived: dict[_Parameters, bytes] = {}
        match = None
        for token, (parameters, key) in self._tokens:
            if parameters not in derived:
                derived[parameters] = _derive(presented, parameters)
            if hmac.compare_digest(derived[parameters], key):
                match = token
        return match


def check_exposure(settings: Settings) -> None:
    """Refuse to be reachable from elsewhere while everybody would be admin. Raises ConfigurationError."""
    host, port = settings.server.host, settings.server.port
    if settings.auth.anybody or is_loopback(host):
        return
    raise ConfigurationError(
        f"The server would listen on {host}:{port} without any token, so that whoever reaches that address could "
        "read and change everything. Run `auscult token NAME --role admin` and add the lines it prints to the "
        "configuration, or set AUSCULT_AUTH__TOKENS__ADMIN__TOKEN and AUSCULT_AUTH__TOKENS__ADMIN__ROLE=admin, or "
        "listen on 127.0.0.1"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    from ipaddress import ip_address

    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _digest(presented: str) -> bytes:
    return hashlib.sha256(presented.encode(errors="surrogatepass")).digest()


def _derive(token: str, parameters: _Parameters) -> bytes:
    n, r, p, salt, length = parameters
    data = token.encode(errors="surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=n, r=r, p=p, dklen=length, maxmem=_MAX_MEMORY)


def _parse(hashed: str) -> tuple[_Parameters, bytes] | None:
    if not (match := _FORM.fullmatch(hashed)):
        return None
    n, r, p = int(match[1]), int(match[2]), int(match[3])
    if n < 2 or n & (n - 1) or not r or not p or n * r * p > _MAX_WORK:
        return None
    try:
        salt, key = _decode(match[4]), _decode(match[5])
    except binascii.Error:
        return None
    return (n, r, p, salt, len(key)), key


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
