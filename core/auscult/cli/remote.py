"""A running server, as commands ask it: one sentence for everything that can go wrong, and the exit code that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    import httpx

__all__ = ["DEFAULT_URL", "FAILED", "UNKNOWN", "USAGE", "ListsByDefault", "Server", "leave", "server_options"]

DEFAULT_URL = "http://127.0.0.1:8420"
FAILED, USAGE, UNKNOWN = 1, 2, 3
F = TypeVar("F", bound=Callable[..., Any])


class ListsByDefault(click.Group):
    """Commands of which ``list`` is meant where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def server_options(function: F) -> F:
    """``--url`` and ``--token``: which server is asked, and as whom."""
    function = click.option(
        "--token",
        envvar="AUSCULT_TOKEN",
        show_envvar=True,
        help="Access token, where the server asks for one.",
    )(function)
    return click.option(
        "--url",
        envvar="AUSCULT_URL",
        show_envvar=True,
        default=DEFAULT_URL,
        show_default=True,
        help="Address of the running server.",
    )(function)


def leave(sentence: str, code: int) -> NoReturn:
    """Say what went wrong, and end."""
    click.echo(f"auscult: {sentence}", err=True)
    raise SystemExit(code)


class Server:
    """See the module. ``with`` it."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client, self._url = client, url

    @classmethod
    @contextmanager
    def at(cls, url: str, token: str | None) -> Iterator[Server]:
        """The server at that address."""
        import httpx

        if not url.startswith(("http://", "https://")):
            leave(f"--url: expected an address such as {DEFAULT_URL}, found {url!r}", USAGE)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            client = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=30, trust_env=False)
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            leave(f"--url or --token cannot be used: {error}", USAGE)
        with client:
            yield cls(client, url)

    def get(self, path: str, **params: Any) -> Any:
        """What is there. Ends the command when it cannot be had."""
        return self._ask("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, body: Any = None) -> Any:
        """Have something done."""
        return self._ask("POST", path, **({} if body is None else {"json": body}))

    def delete(self, path: str) -> Any:
        """Have something ended."""
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        import httpx

        try:
            answer = self._client.request(method, path, **options)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            leave(f"no server answers at {self._url} ({reason}); --url or AUSCULT_URL names another", UNKNOWN)
        if not answer.is_success:
            _refused(answer, self._url)
        return _json(answer)


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        leave(f"{answer.url} answers with something that is no JSON: is that an auscult server?", UNKNOWN)


def _refused(answer: httpx.Response, url: str) -> NoReturn:
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        leave(f"{url} answers {answer.status_code}: is that an auscult server?", UNKNOWN)
    if answer.status_code == 401:
        leave(f"{detail}. Give one with --token or AUSCULT_TOKEN", USAGE)
    if answer.status_code >= 500 or answer.status_code == 429:
        leave(detail, UNKNOWN)
    leave(detail, FAILED if answer.status_code == 404 else USAGE)
