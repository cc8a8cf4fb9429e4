"""Fills the parts of the documentation that come from the code, so that they cannot drift.

    python docs/build.py           fill
    python docs/build.py --check   exit 1 when something is stale

Between ``<!-- include: FILE -->`` and ``<!-- end -->`` stands that file as a code block. Between
``<!-- kind: NAME -->`` and ``<!-- end -->`` stand the options and measurements of that check, between
``<!-- channel: NAME -->``, ``exporter`` or ``source``, the options of that one. Between ``<!-- configuration -->`` and
``<!-- end -->`` stands the configuration reference, between ``<!-- metrics -->`` and ``<!-- end -->`` the table of all
metrics. Schemas and examples of what channels send, and files for Grafana and Prometheus, are whole files; see
`payloads.py` and `for_others.py`.
Between ``<!-- rules: NAME -->`` and ``<!-- end -->`` stands a table of `rule_tables.py`.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import distributions, entry_points
from pathlib import Path

from auscult import Catalogue
from auscult.config import kind_reference, reference
from auscult.metrics.names import FAMILIES, RECORDED, measured

sys.path.insert(0, str(Path(__file__).parent))
from for_others import for_others
from payloads import payloads
from rule_tables import GENERATED

DOCS = Path(__file__).parent
_BLOCK = re.compile(
    r"<!-- (?P<what>include|kind|channel|exporter|source|configuration|metrics|rules)(?:: (?P<name>[^ ]+))? -->\n"
    r".*?<!-- end -->",
    re.DOTALL,
)
_LANGUAGES = {".py": "python", ".toml": "toml", ".sh": "sh", ".yaml": "yaml", ".json": "json"}


def filled(text: str, catalogue: Catalogue) -> str:
    """`text` with every generated part made anew."""

    def part(match: re.Match[str]) -> str:
        what, name = match["what"], match["name"]
        head = f"<!-- {what}: {name} -->" if name else f"<!-- {what} -->"
        return f"{head}\n{_generate(what, name, catalogue)}\n<!-- end -->"

    return _BLOCK.sub(part, text)


def _generate(what: str, name: str | None, catalogue: Catalogue) -> str:
    if what == "include":
        assert name is not None
        path = DOCS.parent / name
        if not path.is_file():
            return f"there is no file {name}"
        return f"```{_LANGUAGES.get(path.suffix, 'text')}\n{path.read_text(encoding='utf-8').rstrip()}\n```"
    if what == "kind":
        assert name is not None
        return kind_reference(catalogue.check(name)).strip()
    if what == "channel":
        assert name is not None
        return kind_reference(catalogue.channel(name)).strip()
    if what == "exporter":
        assert name is not None
        return kind_reference(catalogue.exporter(name)).strip()
    if what == "source":
        assert name is not None
        return kind_reference(catalogue.source(name)).strip()
    if what == "rules":
        assert name is not None
        return GENERATED[name]()
    return _metrics(catalogue) if what == "metrics" else reference(catalogue).strip()


def _metrics(catalogue: Catalogue) -> str:
    families = [*FAMILIES.values(), *RECORDED.values(), *measured(catalogue.checks.values()).values()]
    rows = (
        f"| `{family.name}` | {family.type} | {family.unit} | {', '.join(family.labels)} | {family.help} |"
        for family in families
    )
    return "\n".join(["| name | type | unit | labels | meaning |", "| --- | --- | --- | --- | --- |", *rows])


def _catalogue() -> Catalogue:
    """What the distributions of this checkout offer: all of them, and nobody else's."""
    ours = {"auscult", *(file.parent.name for file in DOCS.parent.glob("contrib/*/pyproject.toml"))}
    missing = sorted(ours - {entry.name for entry in distributions()})
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; install them all (`make test` does) before the pages are made")
    entries = entry_points(group="auscult")
    return Catalogue.discover(entry_points=[entry for entry in entries if entry.dist and entry.dist.name in ours])


def main() -> int:
    """Fill or check every page; returns the exit code."""
    check, stale = "--check" in sys.argv, []
    catalogue = _catalogue()
    for file, text in {**payloads(), **for_others()}.items():
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            stale.append(file)
            if not check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    for page in sorted([*DOCS.rglob("*.md"), DOCS.parent / "README.md"]):
        before = page.read_text(encoding="utf-8")
        after = filled(before, catalogue)
        if before != after:
            stale.append(page)
            if not check:
                page.write_text(after, encoding="utf-8")
    for page in stale:
        sys.stdout.write(f"{'stale' if check else 'filled'}: {page.relative_to(DOCS.parent)}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
