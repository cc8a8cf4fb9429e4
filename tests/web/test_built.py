"""The built page: files of the manifest and no others, small and cached; what is not built is not missed."""

from __future__ import annotations

import gzip
import json

import pytest
from litestar import Litestar, Router
from tests.web.helpers import ELSEWHERE, asking, assert_problem, client_of, with_tokens

from auscult import Monitor
from auscult.web.built import BuiltPage, built_routes
from auscult.web.problems import problem_handlers

pytestmark = pytest.mark.anyio

PAGE = '<meta name="auscult-root" content="{{root}}"><script src="{{root}}/static/ui/app-4f3a9c.js"></script>'


@pytest.fixture
def built(tmp_path) -> BuiltPage:
    folder = tmp_path / "ui"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    script = b"console.log(1);" * 100
    (folder / "app-4f3a9c.js").write_bytes(script)
    (folder / "app-4f3a9c.js.gz").write_bytes(gzip.compress(script))
    (folder / "app-4f3a9c.js.br").write_bytes(b"brotli")
    (folder / "notes.txt").write_text("notes")
    (folder / "unlisted.js").write_text("unlisted")
    (folder / "index.html").write_text(PAGE)
    files = ["app-4f3a9c.js", "notes.txt", "gone-123456.js", "../secret.txt", ".hidden", "/etc/passwd"]
    (folder / "manifest.json").write_text(json.dumps({"files": files}))
    return BuiltPage(folder)


def app_of(built: BuiltPage) -> Litestar:
    root = Router("/", route_handlers=built_routes(built))
    return Litestar([root], exception_handlers=problem_handlers, openapi_config=None, logging_config=None)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("br, gzip", "br"),
        ("gzip, deflate", "gzip"),
        ("gzip;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.000", None),
        ("identity", None),
        ("", None),
        ("BR", "br"),
    ],
)
async def test_files_are_as_small_as_the_browser_takes_them(built, accepted, encoding):
    """Pre-compressed where it is there and wanted; named with a hash, so kept for a year."""
    async with client_of(app_of(built)) as client:
        request = client.build_request("GET", "/static/ui/app-4f3a9c.js", headers={"Accept-Encoding": accepted})
        answer = await client.send(request, stream=True)
        raw = b"".join([part async for part in answer.aiter_raw()])
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert int(answer.headers["content-length"]) == len(raw)


@pytest.mark.parametrize(
    "path",
    [
        "unlisted.js",
        "manifest.json",
        "index.html",
        "gone-123456.js",
        "..%2fsecret.txt",
        "%2e%2e%2fsecret.txt",
        "..%5csecret.txt",
        "%2e%2e/secret.txt",
        ".hidden",
        "%2fetc%2fpasswd",
        "app-4f3a9c.js%00",
        "app-4f3a9c.js/",
        "APP-4F3A9C.JS",
        "app-4f3a9c.js.br",
        "....//secret.txt",
        "%c0%ae%c0%ae/secret.txt",
    ],
)
async def test_nothing_but_the_manifest_is_served(built, path):
    """Files are looked up by name, never by path; a manifest that names paths names nothing."""
    async with client_of(app_of(built)) as client:
        answer = await client.get(f"/static/ui/{path}")
        assert "secret" not in answer.text
        assert answer.status_code in (400, 404) or answer.text.startswith("console.log"), answer.text


async def test_files_without_a_hash_are_kept_for_minutes_only(built):
    """They may change under the same name."""
    async with client_of(app_of(built)) as client:
        assert (await client.get("/static/ui/notes.txt")).headers["cache-control"] == "public, max-age=300"


def test_pages_are_filled_in_for_the_path_of_the_mount(built):
    """Escaped, whatever the host calls it."""
    assert built.page("index.html", "") == PAGE.replace("{{root}}", "")
    assert 'content="/mon"' in built.page("index.html", "/mon")
    assert '"><script>' not in built.page("index.html", '"><script>')
    assert built.page("status.html", "") is None


def test_a_new_build_is_noticed(built):
    """Names change with the content; the server need not be started anew."""
    assert built.file("app-4f3a9c.js", "") is not None
    manifest = built._directory / "manifest.json"
    (built._directory / "app-new123.js").write_text("new")
    manifest.write_text('{"files": ["app-new123.js"]}')
    import os

    os.utime(manifest, ns=(1, 1))
    assert built.file("app-4f3a9c.js", "") is None
    assert built.file("app-new123.js", "") == (b"new", "")
    manifest.write_text("{broken")
    os.utime(manifest, ns=(2, 2))
    assert not built.exists
    assert built.page("index.html", "") is None


async def test_without_a_build_the_server_renders_the_page():
    """With its data behind the login, and a login page of its own that needs none."""
    async with asking(Monitor(), settings=with_tokens(), caller=ELSEWHERE, built_page=False) as client:
        assert_problem(await client.get("/"), 401)
        page = await client.get("/login")
        assert page.status_code == 200
        assert "<form" in page.text
        assert "static/login.js" in page.text
        assert "onsubmit" not in page.text
        assert (await client.get("/static/login.js")).headers["content-type"].startswith("text/javascript")
    async with asking(Monitor(), built_page=False) as client:
        assert "All is well" in (await client.get("/")).text or "Not known" in (await client.get("/")).text
