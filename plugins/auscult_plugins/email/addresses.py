"""Mail addresses as a user writes them, refused when the channel is made if they could not go on the wire."""

from __future__ import annotations

import re
from email.headerregistry import Address

__all__ = ["HOST", "mailbox"]

_SHAPE = re.compile(r"""(?:"?(?P<name>[^"<>]*?)"?[ ]*<(?P<inside>[^<>\s]+)>|(?P<bare>[^<>\s]+))""")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
"""A name of a host, or an IPv4 address."""
_LONGEST_LOCAL, _LONGEST_DOMAIN, _LONGEST_NAME = 64, 255, 100


def mailbox(text: str, option: str) -> Address:
    """``ops@example.com`` or ``On call <ops@example.com>``. Raises ValueError, a sentence that names `option`."""
    found = _SHAPE.fullmatch(text.strip())
    spec = (found["inside"] or found["bare"] or "") if found else ""
    local, _, domain = spec.rpartition("@")
    name = ((found["name"] if found else "") or "").strip(" ")
    domain = _ascii(domain)
    if not _LOCAL.fullmatch(local) or len(local) > _LONGEST_LOCAL or not domain or not _is_printable(name):
        raise ValueError(
            f"`{option}` has {text!r}, which is no mail address; expected ops@example.com or On call <ops@example.com>"
        )
    return Address(display_name=name, username=local, domain=domain)


def _ascii(domain: str) -> str:
    """The domain as it goes on the wire; empty for what is none."""
    try:
        encoded = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return encoded if len(encoded) <= _LONGEST_DOMAIN and HOST.fullmatch(encoded) else ""


def _is_printable(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and all(letter.isprintable() for letter in name)
