"""Certificates for servers on loopback, from an authority of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

__all__ = ["Certificates"]


class Certificates:
    """PEM files in `directory`: ``ca.pem``, and for each `issue` a certificate with its key."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = trustme.CA()
        self.authority = str(directory / "ca.pem")
        self._authority.cert_pem.write_to_path(self.authority)

    def issue(self, *names: str, days: float = 365) -> tuple[str, str]:
        """Paths of a certificate that ends in `days` (it may have ended) and its key."""
        leaf = self._authority.issue_cert(*names, not_after=datetime.now(UTC) + timedelta(days=days))
        stem = f"{names[0].replace('*', '_')}-{days:g}"
        certificate, key = self._directory / f"{stem}.pem", self._directory / f"{stem}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(str(key))
        return str(certificate), str(key)
