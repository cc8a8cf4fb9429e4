"""What an option's type is made of: Struct, table, list, or none of them."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin, is_typeddict

import msgspec
from msgspec import Struct

__all__ = ["fields", "is_struct", "item_type", "shape", "takes_table", "value_type"]


def _arms(kind: Any) -> tuple[Any, ...]:
    """The members of a union, without what `Annotated` adds; a type that is no union is its own only member."""
    if get_origin(kind) is Annotated:
        return _arms(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(arm for member in get_args(kind) for arm in _arms(member))
    return (kind,)


def is_struct(kind: Any) -> bool:
    """Whether `kind` is a Struct class."""
    return isinstance(kind, type) and issubclass(kind, Struct)


def _is_dict(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_list(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return (
        isinstance(origin, type) and issubclass(origin, Sequence | AbstractSet) and not issubclass(origin, str | bytes)
    )


@lru_cache(maxsize=1024)
def shape(kind: Any) -> tuple[Any, Any, Any]:
    """The one Struct, mapping and list type among the arms of `kind`; None where there is none or several."""

    def only(test: Any) -> Any:
        matching = [arm for arm in _arms(kind) if test(arm)]
        return matching[0] if len(matching) == 1 else None

    return only(is_struct), only(_is_dict), only(_is_list)


@lru_cache(maxsize=1024)
def takes_table(kind: Any) -> bool:
    """Whether a table may stand where a `kind` is wanted."""
    return any(
        arm is Any or arm is object or is_struct(arm) or _is_dict(arm) or is_typeddict(arm) for arm in _arms(kind)
    )


@lru_cache(maxsize=1024)
def fields(kind: type[Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """The fields of a Struct by the name they have in a file."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def item_type(kind: Any, number: int) -> Any:
    """The type of the item at `number` of a list type."""
    arguments = get_args(kind)
    if not arguments:
        return Any
    if get_origin(kind) is tuple and arguments[-1] is not Ellipsis:
        return arguments[number] if number < len(arguments) else Any
    return arguments[0]


def value_type(kind: Any) -> Any:
    """The type of the values of a mapping type."""
    arguments = get_args(kind)
    return arguments[1] if len(arguments) == 2 else Any
