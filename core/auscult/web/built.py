"""The page as the build made it: files that its manifest lists, and two HTML pages without any data in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from msgspec import Struct

__all__ = ["BUILT", "BuiltPage", "built_routes"]

BUILT = Path(__file__).parent / "static" / "ui"
"""Where the build puts its files."""
_TYPES = {
    "css": "text/css; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""The better one first."""
_HASHED = re.compile(r"-[0-9A-Za-z]{6,}\.[a-z0-9]+$")
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_WHILE = "public, max-age=300"
_SAFE = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class _Manifest(Struct):
    files: list[str]


class BuiltPage:
    """The files, looked up by name in the manifest and never by path; read once each."""

    def __init__(self, directory: Path = BUILT) -> None:
        self._directory = directory
        self._stamp: int | None = None
        self._names: frozenset[str] = frozenset()
        self._files: dict[str, Mapping[str, bytes]] = {}
        self._pages: dict[str, str] = {}

    @property
    def exists(self) -> bool:
        """Whether the page has been built."""
        return bool(self._listed())

    def file(self, name: str, accepted: str) -> tuple[bytes, str] | None:
        """A file's bytes and their encoding, as small as `accepted` (Accept-Encoding) allows; None for no file."""
        if name not in self._listed():
            return None
        kept = self._files.get(name)
        if kept is None:
            kept = self._files[name] = dict(self._read(name))
        willing = _willing(accepted)
        encoding = next((each for each, _ in _ENCODINGS if each in kept and each in willing), "")
        return (kept[encoding], encoding) if encoding in kept else None

    def page(self, name: str, root: str) -> str | None:
        """``index.html`` or ``status.html``, filled in for the path that auscult is mounted at."""
        if not self._listed():
            return None
        if name not in self._pages:
            try:
                self._pages[name] = (self._directory / name).read_text(encoding="utf-8")
            except OSError:
                return None
        return self._pages[name].replace("{{root}}", escape(root, quote=True))

    def _listed(self) -> frozenset[str]:
        """The manifest's names; read again when somebody has built anew."""
        path = self._directory / "manifest.json"
        try:
            stamp = path.stat().st_mtime_ns
            if stamp != self._stamp:
                listed = msgspec.json.decode(path.read_bytes(), type=_Manifest).files
                self._names = frozenset(name for name in listed if _SAFE.fullmatch(name) and not name.startswith("."))
                self._stamp = stamp
                self._files.clear()
                self._pages.clear()
        except (OSError, msgspec.MsgspecError):
            return frozenset()
        return self._names

    def _read(self, name: str) -> Sequence[tuple[str, bytes]]:
        found = []
        for encoding, suffix in (*_ENCODINGS, ("", "")):
            path = self._directory / f"{name}{suffix}"
            if path.is_file():
                found.append((encoding, path.read_bytes()))
        return found


def _willing(accepted: str) -> frozenset[str]:
    """The encodings that a browser takes: named, and not with a quality of 0."""
    found = set()
    for part in accepted.lower().split(","):
        name, _, quality = part.partition(";")
        if quality.replace(" ", "").removeprefix("q=").rstrip("0.") or not quality:
            found.add(name.strip())
    return frozenset(found)


def built_routes(page: BuiltPage) -> list[BaseRouteHandler]:
    """The files, and the page at ``/`` where it has been built."""

    @get("/static/ui/{name:str}", public=True, include_in_schema=False, name="auscult-built")
    async def file(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
        found = page.file(name, ",".join(request.headers.getall("accept-encoding", [])))
        if found is None:
            raise NotFoundException("The page has no such file")
        body, encoding = found
        headers = {
            "Cache-Control": _FOR_EVER if _HASHED.search(name) else _FOR_A_WHILE,
            "Vary": "Accept-Encoding",
            "Content-Type": _TYPES.get(name.rpartition(".")[2], "application/octet-stream"),
        }
        return Response(body, headers=headers | ({"Content-Encoding": encoding} if encoding else {}))

    return [file]
