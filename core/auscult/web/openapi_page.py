"""The API's documentation as a page of our own, made from the OpenAPI document: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from html import escape
from typing import Any

from anyio import to_thread
from litestar import Request, get
from litestar.handlers import BaseRouteHandler

__all__ = ["openapi_routes"]

_METHODS = ("get", "post", "put", "patch", "delete")


def openapi_routes(describe: Callable[[], dict[str, Any]]) -> list[BaseRouteHandler]:
    """The page and the document; `describe` makes the document, takes long, and is asked once."""
    described = cache(describe)

    @get("/api/openapi.json", include_in_schema=False)
    async def document(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return await to_thread.run_sync(described) | {"servers": [{"url": request.scope.get("root_path") or "/"}]}

    @get("/api/docs", include_in_schema=False, media_type="text/html")
    async def docs() -> str:
        return _page(await to_thread.run_sync(described))

    return [document, docs]


def _page(schema: dict[str, Any]) -> str:
    operations = "".join(
        _operation(method, path, item[method])
        for path, item in sorted(schema["paths"].items())
        for method in _METHODS
        if method in item
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>auscult: API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="../static/style.css"></head><body><header><div><h1>API</h1>'
        '<p>The same as <a href="openapi.json">an OpenAPI 3.1 document</a>. Errors are problem documents (RFC 9457).'
        f"</p></div></header>{operations}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(_parameter(parameter) for parameter in operation.get("parameters", []))
    table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
    body = operation.get("requestBody", {}).get("content", {})
    takes = "".join(f"<p>Takes {escape(kind)}: {escape(_named(item['schema']))}</p>" for kind, item in body.items())
    answers = ", ".join(
        f"{code} {response.get('description', '')}" for code, response in operation["responses"].items()
    )
    return (
        f"<section><h2>{method.upper()} {escape(path)}</h2><p>{escape(operation.get('summary', ''))}. "
        f"{escape(operation.get('description', ''))}</p>{table}{takes}<p>Answers: {escape(answers)}</p></section>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    return (
        f'<tr><th scope="row">{escape(parameter["name"])}</th><td>{escape(parameter["in"])}</td>'
        f"<td>{escape(_named(schema))}</td><td>{escape(parameter.get('description', ''))}</td></tr>"
    )


def _named(schema: dict[str, Any]) -> str:
    """A schema's name or type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "oneOf" in schema:
        return " or ".join(_named(option) for option in schema["oneOf"])
    return str(schema.get("type", "anything"))
