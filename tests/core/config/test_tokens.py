"""Tokens: made, hashed, found again, and never in clear."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auscult import ConfigurationError
from auscult.config import ServerSettings, Settings, Token, check_exposure, tokens
from auscult.config.settings import AuthSettings


def test_new_tokens_differ_and_are_long():
    """A token carries 256 random bits and says whose it is."""
    made = {tokens.new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(token.startswith("aus_") and len(token) >= 47 for token in made)


@settings(max_examples=15, deadline=None)
@given(st.text(), st.text())
def test_verify(token, other):
    """The token that was hashed fits its hash; another does not."""
    hashed = tokens.hash_token(token)
    assert tokens.verify(token, hashed)
    assert tokens.verify(other, hashed) is (other == token)


def test_verify_remembers(monkeypatch):
    """The second question about a token costs no scrypt, whatever the answer was."""
    hashed = tokens.hash_token("a-token")
    assert (tokens.verify("a-token", hashed), tokens.verify("b-token", hashed)) == (True, False)
    monkeypatch.setattr(tokens, "_derive", lambda *_: pytest.fail("derived again"))
    assert (tokens.verify("a-token", hashed), tokens.verify("b-token", hashed)) == (True, False)


def test_hashes_are_salted():
    """Two hashes of one token differ, and neither contains it."""
    token = tokens.new_token()
    first, second = tokens.hash_token(token), tokens.hash_token(token)
    assert first != second
    assert token not in first
    assert tokens.verify(token, second)


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "plain",
        "scrypt$n=16384,r=8,p=1$AAAA$AAAA",
        f"scrypt$n=15000,r=8,p=1${'A' * 22}${'B' * 43}",
        f"scrypt$n=1073741824,r=8,p=1${'A' * 22}${'B' * 43}",
        f"scrypt$n=16384,r=8,p=900${'A' * 22}${'B' * 43}",
        f"scrypt$n=16384,r=0,p=1${'A' * 22}${'B' * 43}",
        f"scrypt$n=16384,r=8,p=1${'A' * 21}${'B' * 43}\n",
    ],
)
def test_bad_hashes(hashed):
    """What is no hash of ours fits nothing, and costly parameters are refused before any work is done."""
    started = time.perf_counter()
    assert tokens.verify("token", hashed) is False
    assert tokens.hash_problem(hashed)
    assert time.perf_counter() - started < 1


@given(st.text())
def test_any_text_as_hash(hashed):
    """Any text is a hash or is none; nothing is raised."""
    tokens.hash_problem(hashed)


def test_roles_are_ordered():
    """viewer < operator < admin; anything else may do nothing."""
    order = [(role, needed) for role in tokens.ROLES for needed in tokens.ROLES if tokens.allows(role, needed)]
    assert order == [
        ("viewer", "viewer"),
        ("operator", "viewer"),
        ("operator", "operator"),
        ("admin", "viewer"),
        ("admin", "operator"),
        ("admin", "admin"),
    ]
    assert not tokens.allows("root", "viewer")
    assert not tokens.allows("admin", "root")


def make(name, token, role="viewer"):
    return Token(name=name, role=role, hash=tokens.hash_token(token))


def test_a_book_finds_tokens_and_remembers(monkeypatch):
    """The right token is found, wrong ones are not, and the second question costs no scrypt."""
    book = tokens.TokenBook([make("ci", "first-token-123456"), make("ops", "second-token-12345", "operator")])
    assert book.recall("second-token-12345") == (False, None)
    assert book.find("second-token-12345").name == "ops"
    assert book.find("wrong") is None
    monkeypatch.setattr(tokens, "_derive", lambda *_: pytest.fail("derived again"))
    assert book.find("second-token-12345").role == "operator"
    assert book.find("wrong") is None
    assert book.recall("wrong") == (True, None)
    assert len(book) == 2


def test_a_book_forgets(monkeypatch):
    """However many wrong tokens are presented, only the latest 256 answers are kept."""
    book = tokens.TokenBook([make("ci", "first-token-123456")])
    monkeypatch.setattr(tokens, "_derive", lambda *_: b"x")
    for number in range(1000):
        book.find(str(number))
    assert len(book._known) == 256
    assert book.recall("999") == (True, None)
    assert book.recall("0") == (False, None)


def test_a_book_from_many_threads():
    """Questions from several threads at once all get the right answer."""
    book = tokens.TokenBook([make("ci", "first-token-123456")])
    found: list[str | None] = []
    asked = ["first-token-123456", "wrong"] * 4
    threads = [threading.Thread(target=lambda t=t: found.append(getattr(book.find(t), "name", None))) for t in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=str) == [None] * 4 + ["ci"] * 4 or found.count("ci") == 4


def test_tokens_of_a_file(loaded):
    """In clear, hashed, and in a file of their own: all end as hashes that fit."""
    hashed = tokens.hash_token("hashed-token-12345")
    loaded.write(f'[filed]\nrole = "admin"\nhash = "{hashed}"\n', "tokens.toml")
    text = "[components]\n[auth]\ntokens_file = 'tokens.toml'\n[auth.tokens.ci]\nrole = 'viewer'\ntoken = '${T}'\n"
    found = loaded(text, {"T": "clear-token-123456"}).auth.tokens
    assert [(token.name, token.role) for token in found] == [("ci", "viewer"), ("filed", "admin")]
    assert tokens.verify("clear-token-123456", found[0].hash)
    assert found[1].hash == hashed


def test_mistakes_in_a_tokens_file(loaded):
    """They carry that file's name and lines; a name that is taken is one of them."""
    loaded.write("[ci]\nrole = 'root'\n\n[ops]\nrole = 'viewer'\ntoken = 'x'\n", "tokens.toml")
    assert loaded.complaints("[auth]\ntokens_file = 'tokens.toml'") == [
        'tokens.toml:2: ci.role: expected one of `admin`, `operator`, `viewer`, found the text "root"',
        "tokens.toml:6: ops.token: expected at least 16 characters; `auscult token ops` makes a good one",
    ]
    loaded.write(
        "[ci]\nrole = 'viewer'\ntoken = 'x'\n[ops]\nrole = 'viewer'\ntoken = '0123456789abcdef'\n", "tokens.toml"
    )
    text = "[auth]\ntokens_file = 'tokens.toml'\n[auth.tokens.ops]\nrole = 'viewer'\ntoken = '0123456789abcdef'"
    assert loaded.complaints(text) == [
        "tokens.toml:3: ci.token: expected at least 16 characters; `auscult token ci` makes a good one",
        "tokens.toml:4: ops: the configuration has a token of that name already",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST."])
def test_loopback_needs_no_token(host):
    """This machine alone may listen without a token."""
    check_exposure(Settings(server=ServerSettings(host=host)))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "monitor.example.com", "127.0.0.1.example.com", ""])
def test_other_addresses_need_a_token(host):
    """Any other address is refused with what to do, and fine with a token."""
    exposed = Settings(server=ServerSettings(host=host))
    with pytest.raises(ConfigurationError, match=r"without any token.*auscult token NAME --role admin.*127.0.0.1"):
        check_exposure(exposed)
    token = Token(name="a", role="admin", hash="scrypt$")
    check_exposure(Settings(server=exposed.server, auth=AuthSettings(tokens=(token,))))
