"""What classes of every role promise alike: documentation, options from a file, secrets that stay secret."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec import NODEFAULT, Struct, ValidationError
from msgspec.structs import fields

from auscult.config.fielddocs import field_docs, summary
from auscult.options import convert_options, public, secret_fields

__all__ = ["documented", "in_thread", "make", "secrets_typed", "shown_secrets"]

_MARKER = "a-secret-that-nobody-may-see"
_SECRET_NAMES = re.compile(r"(.*_)?(password|passwd|passphrase|secret|token|api_?key|private_key|credentials?)")
K = TypeVar("K", bound=Struct)


def documented(kind: type[Struct], says: str) -> Iterator[str]:
    """Class and options; `says` is what the class's sentence should be about."""
    if not summary(kind):
        yield f"{kind.__name__} has no docstring: say in one sentence {says}"
    known = field_docs(kind)
    for name in kind.__struct_encode_fields__:
        if name not in known:
            yield f'the option `{name}` is not documented: put a string below it, """What it is."""'


def secrets_typed(kind: type[Struct]) -> Iterator[str]:
    """What is named like a secret."""
    secret = secret_fields(kind)
    for field in fields(kind):
        if field.type is not str or field.name in secret or not _SECRET_NAMES.fullmatch(field.name):
            continue
        # Of a pair such as `api_key` and `api_secret` the key is only a name.
        if field.name.removesuffix("key") + "secret" not in secret:
            yield f"the option `{field.name}` is shown to everybody: type it SecretStr"


def make(kind: type[K], options: Mapping[str, Any]) -> K | str:
    """An object with those options, as a configuration file would make it, or what is wrong with them."""
    missing = [
        f.name
        for f in fields(kind)
        if f.name not in options and f.default is NODEFAULT and f.default_factory is NODEFAULT
    ]
    if missing:
        return f"the options {', '.join(f'`{name}`' for name in missing)} have no default: pass them as arguments"
    try:
        made: K = convert_options(dict(options), kind)
    except ValidationError as error:
        return f"a configuration file with these options is refused: {error}"
    return made


def shown_secrets(made: Struct) -> Iterator[str]:
    """Representations that tell a secret."""
    kind = type(made)
    for name in sorted(secret_fields(kind)):
        given = {field: getattr(made, field) for field in kind.__struct_fields__} | {name: _MARKER}
        try:
            marked = kind(**given)
        except Exception:  # noqa: S112 - an option whose secret is in a list or table, or has a form of its own
            continue
        shown = {"repr": repr(marked), "str": str(marked), "the configuration as shown": str(public(marked))}
        for where, text in shown.items():
            if _MARKER in text:
                yield f"{where} shows the secret `{name}`: leave `__repr__` and `__str__` to the base class"


def in_thread(work: Callable[[], None]) -> BaseException | None:
    """What `work` raises, run where no event loop is."""
    raised: list[BaseException] = []

    def contained() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=contained, name="auscult-contract")
    thread.start()
    thread.join()
    return raised[0] if raised else None
