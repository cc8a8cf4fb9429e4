"""Which addresses may be connected to. Judged on the resolved address, at connect time, so that redirects, rebinding
names, odd spellings and IPv4 inside IPv6 are all the same case.

A monitor has to reach inside, so loopback and private networks are allowed. What nobody monitors, and what a hostile
target could aim us at, is not: link-local with the clouds' metadata services, multicast, unspecified, and addresses
that other hosts translate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

from auscult.errors import EgressRefused

__all__ = ["EgressPolicy"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA = "a cloud's metadata service"
_DENIED = {
    "0.0.0.0/8": "unspecified",
    "169.254.0.0/16": "link-local, where clouds keep their metadata",
    "100.100.100.200/32": _METADATA,
    "168.63.129.16/32": _METADATA,
    "192.0.0.192/32": _METADATA,
    "192.88.99.0/24": "translated by 6to4",
    "224.0.0.0/4": "multicast",
    "255.255.255.255/32": "broadcast",
    "::/128": "unspecified",
    "fe80::/10": "link-local",
    "fd00:ec2::254/128": _METADATA,
    "fd20:ce::254/128": _METADATA,
    "ff00::/8": "multicast",
    "::/96": "an IPv4 address in a form that is no longer used",
    "::ffff:0:0:0/96": "translated by SIIT",
    "64:ff9b::/96": "translated by NAT64",
    "64:ff9b:1::/48": "translated by NAT64",
    "2002::/16": "translated by 6to4",
    "2001::/32": "translated by Teredo",
}
_BUILT_IN: tuple[tuple[Network, str], ...] = tuple((ip_network(text), why) for text, why in _DENIED.items())
_SITE_LOCAL = (ip_network("fec0::/10"),)
"""Private, though Python calls it global."""
_LOOPBACK = ip_address("::1")


class _Settings(Protocol):
    @property
    def allow(self) -> tuple[str, ...]: ...
    @property
    def deny(self) -> tuple[str, ...]: ...
    @property
    def strict(self) -> bool: ...


class EgressPolicy:
    """`allow` beats `deny` beats what is built in; `strict` refuses everything that is not a public address."""

    def __init__(self, *, allow: Iterable[str] = (), deny: Iterable[str] = (), strict: bool = False) -> None:
        """`allow` and `deny` are addresses or networks. Raises ValueError for anything else."""
        self._allow = tuple(_network(text) for text in allow)
        self._deny = tuple(_network(text) for text in deny)
        self._strict = strict
        self._verdict = lru_cache(maxsize=10_000)(self._judge)

    @classmethod
    def from_settings(cls, settings: _Settings) -> EgressPolicy:
        """The policy that a configuration's ``[egress]`` table asks for."""
        return cls(allow=settings.allow, deny=settings.deny, strict=settings.strict)

    def __reduce__(self) -> tuple[Callable[[], EgressPolicy], tuple[()]]:
        """As a message to another process."""
        allow, deny = (tuple(map(str, networks)) for networks in (self._allow, self._deny))
        return partial(EgressPolicy, allow=allow, deny=deny, strict=self._strict), ()

    def check(self, address: str) -> None:
        """Raises EgressRefused, with the reason, when `address` (a literal) may not be connected to."""
        if reason := self._verdict(address):
            raise EgressRefused(f"{address} may not be connected to: {reason} (see `egress` in the configuration)")

    def allows(self, address: str) -> bool:
        """Whether `address` (a literal) may be connected to."""
        return not self._verdict(address)

    def _judge(self, text: str) -> str:
        try:
            address = _unwrapped(ip_address(text.partition("%")[0]))
        except ValueError:
            return "it is no address"
        if _within(address, self._allow):
            return ""
        if _within(address, self._deny):
            return "it is denied by the configuration"
        if address != _LOOPBACK:
            for network, reason in _BUILT_IN:
                if address.version == network.version and address in network:
                    return reason
        if self._strict and (not address.is_global or _within(address, _SITE_LOCAL)):
            return "it is not a public address, and the policy is strict"
        return ""


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped one."""
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


def _network(text: str) -> Network:
    """A network; one of IPv4-mapped addresses is the IPv4 network it means, since addresses are judged unwrapped."""
    network = ip_network(text, strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ip_network((mapped, network.prefixlen - 96))


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
