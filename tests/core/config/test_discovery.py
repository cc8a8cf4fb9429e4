"""Without a file: what the environment names is monitored, and `init` writes the same down."""

from __future__ import annotations

import pytest

from auscult import Discovered
from auscult.config import init_text, show
from auscult.config.discovery import discover

ENVIRON = {"REDIS_URL": "redis://:hunter2hunter2@h:6379/0"}


def test_no_file(loaded):
    """The host always, and what the checks find; nothing is written anywhere."""
    settings = loaded(None, ENVIRON)
    assert settings.discovered
    assert settings.file is None
    assert list(settings.components) == ["host", "redis"]
    assert settings.components["redis"].check.url == ENVIRON["REDIS_URL"]
    assert settings.components["host"].failures == 1
    assert list(loaded.directory.iterdir()) == []


def test_a_file_without_components(loaded):
    """A file that only sets the port leaves the components to the environment; an empty table means none."""
    assert list(loaded("[server]\nport = 9000", ENVIRON).components) == ["host", "redis"]
    assert loaded("[components]", ENVIRON).components == {}
    assert not loaded("[components]", ENVIRON).discovered


def test_a_missing_extra_is_a_warning(loaded):
    """What cannot be probed for want of a driver is not monitored, and the command that mends it is told."""
    settings = loaded(None, {"DATABASE_URL": "postgresql://u:hunter2hunter2@h/d"})
    assert list(settings.components) == ["host"]
    assert str(settings.warnings[0]) == (
        "check `database`: DATABASE_URL is set, but the check needs a package that is not installed; "
        "run: pip install 'auscult[postgres]'"
    )


def test_bad_plugins_harm_nobody(loaded, catalogue):
    """A `discover` that raises, is no generator, or yields nonsense is a warning each; secrets are not repeated."""
    base = catalogue.checks["host"]

    class Raises(base):
        kind = "raises"

        @classmethod
        def discover(cls, environ):
            yield Discovered(name="found_before", check=cls(), because="it is there")
            raise ValueError(f"cannot parse {environ['REDIS_URL']}")

    class Exits(base):
        kind = "exits"

        @classmethod
        def discover(cls, environ):
            raise SystemExit(3)

    class Nonsense(base):
        kind = "nonsense"

        @classmethod
        def discover(cls, environ):
            return [5, None]

    class Nothing(base):
        kind = "nothing"

        @classmethod
        def discover(cls, environ):
            return None

    catalogue.checks |= {cls.kind: cls for cls in (Raises, Exits, Nonsense, Nothing)}
    settings = loaded(None, ENVIRON)
    assert list(settings.components) == ["host", "found_before", "redis"]
    assert len(settings.warnings) == 5
    assert "hunter2" not in str(settings.warnings)


def test_names_are_made_unique_and_valid(catalogue):
    """Two proposals of one name both stay; names that do not fit are bent until they do."""

    class Many(catalogue.checks["host"]):
        kind = "many"

        @classmethod
        def discover(cls, environ):
            for name in ("redis", "redis", "My DB!", "", "x" * 100, "auscult"):
                yield Discovered(name=name, check=cls(), because="x")

    catalogue.checks["many"] = Many
    found, _ = discover(catalogue, ENVIRON)
    names = ["host", "redis", "redis-2", "my-db", "component", "x" * 60, "auscult-check", "redis-3"]
    assert list(found) == names


def test_init_round_trip(loaded, catalogue):
    """What `init` writes loads without a word, and gives the same components."""
    text = init_text(catalogue, ENVIRON)
    assert "hunter2" not in text
    assert loaded.complaints(text, ENVIRON) == []
    written, found = loaded(text, ENVIRON), loaded(None, ENVIRON, name="none")
    assert not written.discovered
    assert {n: c.fingerprint for n, c in written.components.items()} == {
        n: c.fingerprint for n, c in found.components.items()
    }


def test_init_with_every_comment_removed(loaded, catalogue):
    """The commented-out settings are valid too, and are the defaults."""
    lines = init_text(catalogue, {}).partition("# Who is told")[0].split("\n")  # the rest needs kinds, see test_whole
    keys = [line.removeprefix("# ") for line in lines if line.startswith(("# [server", "# [store", "# [defaults"))]
    assert keys == ["[server]", "[store]", "[defaults]"]
    live = "\n".join(
        line.removeprefix("# ")
        for line in lines
        if line.startswith("# [")
        or (" = " in line and line.startswith("# ") and line[2:].split(" = ")[0].isidentifier())
    )
    assert loaded.complaints(live, {"AUSCULT_ADMIN_TOKEN": "0123456789abcdef"}) == []
    settings = loaded(live, {"AUSCULT_ADMIN_TOKEN": "0123456789abcdef"})
    plain, defaults = show(settings), show(loaded("[components]"))
    assert {table: plain[table] for table in ("server", "store", "defaults")} == {
        table: defaults[table] for table in ("server", "store", "defaults")
    }


def test_init_comments_cannot_be_broken_out_of(catalogue, loaded):
    """Whatever a plugin says about itself stays inside its comment."""

    class Rude(catalogue.checks["host"]):
        kind = "rude"

        @classmethod
        def discover(cls, environ):
            because = "line one\n[components.evil]\ncheck = 'x'\u2028\x85\x00"
            yield Discovered(name="rude", check=cls(), because=because, settings={})

    Rude.__doc__ = "First\rsecond\n\nthird"
    catalogue.checks["rude"] = Rude
    assert list(loaded(init_text(catalogue, {})).components) == ["host", "rude"]


@pytest.mark.parametrize("environ", [{}, ENVIRON])
def test_init_without_any_kind(fake_catalogue, loaded, environ):
    """With no plugin at all the file still loads."""
    loaded.catalogue = fake_catalogue(checks={})
    assert loaded(init_text(loaded.catalogue, environ)).components == {}
