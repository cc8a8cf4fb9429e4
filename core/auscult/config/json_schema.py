"""The whole configuration file as a JSON Schema (2020-12), for editors: installed kinds and their options included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, inspect

from auscult.alerts.routing import Route
from auscult.config import words
from auscult.config.alerting import MaintenanceTable
from auscult.config.dashboards import DashboardTable, PanelKeys
from auscult.config.environment import LAYERED
from auscult.config.fielddocs import field_docs, summary
from auscult.config.settings import ComponentKeys
from auscult.config.tables import KINDS, PACED
from auscult.options import Duration
from auscult.rules.rule import RuleTable

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["options_schema", "schema"]

NAME_PATTERN = "^[a-z0-9_.-]{1,64}$"
_REFERENCE = {"$ref": "#/$defs/reference"}
_PLAIN: dict[type[inspect.Type], dict[str, Any]] = {
    inspect.AnyType: {},
    inspect.NoneType: {"type": "null"},
    inspect.BoolType: {"type": "boolean"},
    inspect.BytesType: {"type": "string"},
}
Schema = dict[str, Any]


def schema(catalogue: Catalogue) -> Schema:
    """A schema that accepts what `load` accepts, as far as a schema can tell (not: whether names exist)."""
    tables = {name: _struct(kind) for name, kind in LAYERED.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "auscult configuration",
        "type": "object",
        "properties": {
            "plugins": {
                "description": "Local plugins: paths relative to the file, or dotted module names.",
                "type": "array",
                "items": {"type": "string"},
            },
            "components": _components(catalogue.checks),
            **{table: _kinds(getattr(catalogue, table, {}), key, paced=table in PACED) for table, key in KINDS.items()},
            "rules": _named(_struct(RuleTable)),
            "maintenance": _named(_struct(MaintenanceTable)),
            "dashboards": _dashboards(catalogue.panels),
            "routes": {"type": "array", "items": _struct(Route)},
            **tables,
        },
        "additionalProperties": False,
        "$defs": _definitions(),
    }


def options_schema(kind: type[Struct]) -> Schema:
    """The options of one kind as a schema of their own, for a form: values only, no references."""
    found: Schema = _without_references(_struct(kind))
    found.pop("description", None)
    return found


def _without_references(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_references(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part == {"$ref": "#/$defs/duration"}:
        return {"type": ["number", "string"], "format": "duration"}
    options = part.get("anyOf")
    if isinstance(options, list) and _REFERENCE in options:
        (kept,) = [option for option in options if option != _REFERENCE]
        part = {key: value for key, value in part.items() if key != "anyOf"} | kept
    return {key: _without_references(value) for key, value in part.items()}


def _definitions() -> Schema:
    return {
        "duration": {
            "description": "Seconds, or text such as 250ms, 15s, 1h30m.",
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^\s*((\d+(\.\d+)?(ms|s|m|h|d|w))+|\d+(\.\d+)?)\s*$"},
                _REFERENCE,
            ],
        },
        "reference": {
            "description": "A value that stands elsewhere: ${NAME}, ${NAME:-default}, or a file.",
            "anyOf": [
                {"type": "string", "pattern": r"\$\{"},
                {
                    "type": "object",
                    "properties": {"file": {"type": "string"}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
            ],
        },
    }


def _named(item: Schema, description: str = "") -> Schema:
    found: Schema = {"type": "object", "propertyNames": {"pattern": NAME_PATTERN}, "additionalProperties": item}
    return {"description": description, **found} if description else found


def _components(checks: Mapping[str, type[Struct]]) -> Schema:
    common = _properties(ComponentKeys)
    common["check"] = {"description": field_docs(ComponentKeys)["check"], "enum": sorted(checks)}
    item = {
        "type": "object",
        "properties": common,
        "required": ["check"],
        "allOf": [_when("check", kind, cls, common) for kind, cls in sorted(checks.items())],
    }
    itself = {"type": "object", "properties": {**common, "check": {"const": "self"}}, "additionalProperties": False}
    return {**_named(item, "What is monitored, by name."), "properties": {"auscult": itself}}


def _kinds(classes: Mapping[str, type[Struct]], key: str, *, paced: bool) -> Schema:
    common: Schema = {key: {"enum": sorted(classes)} if classes else {"type": "string"}, "enabled": {"type": "boolean"}}
    if paced:
        common["interval"] = {"$ref": "#/$defs/duration"}
    item: Schema = {"type": "object", "properties": common, "required": [key]}
    if classes:
        item["allOf"] = [_when(key, kind, cls, common) for kind, cls in sorted(classes.items())]
    return _named(item)


def _dashboards(classes: Mapping[str, type[Struct]]) -> Schema:
    common: Schema = _properties(PanelKeys) | {"panel": {"enum": sorted(classes)}}
    panel: Schema = {"type": "object", "properties": common, "required": ["panel"]}
    if classes:
        panel["allOf"] = [_when("panel", kind, cls, common) for kind, cls in sorted(classes.items())]
    item = _struct(DashboardTable)
    item["properties"]["panels"] = {"type": "array", "items": panel}
    return _named(item)


def _when(key: str, kind: str, cls: type[Struct], common: Schema) -> Schema:
    """If the kind is this one, then exactly these options: editors complete them and mark every other."""
    return {
        "if": {"properties": {key: {"const": kind}}, "required": [key]},
        "then": {
            "description": summary(cls),
            "properties": {**dict.fromkeys(common, True), **_properties(cls)},
            "required": [field.encode_name for field in msgspec.structs.fields(cls) if field.required],
            "additionalProperties": False,
        },
    }


def _properties(kind: type[Struct], inside: tuple[type, ...] = ()) -> Schema:
    docs = field_docs(kind)
    found: Schema = {}
    for field in msgspec.structs.fields(kind):
        described = {"description": docs[field.name]} if field.name in docs else {}
        default = _default(field.default)
        found[field.encode_name] = {**described, **default, **_type(words.info(field.type), inside)}
    return found


def _default(value: Any) -> Schema:
    if isinstance(value, Duration):
        return {"default": str(value)}
    return {"default": value} if isinstance(value, bool | int | float | str) else {}


def _struct(kind: type[Struct], inside: tuple[type, ...] = ()) -> Schema:
    if kind in inside:  # a type that contains itself: what is in there is not described again
        return {"type": "object"}
    fields = msgspec.structs.fields(kind)
    found: Schema = {"description": summary(kind), "type": "object"}
    found["properties"] = _properties(kind, (*inside, kind))
    if required := [field.encode_name for field in fields if field.required]:
        found["required"] = required
    if kind.__struct_config__.forbid_unknown_fields:
        found["additionalProperties"] = False
    return found


def _type(kind: inspect.Type, inside: tuple[type, ...] = ()) -> Schema:
    """The schema of a type. Where a scalar or a list stands, a reference may stand as well."""
    match kind:
        case inspect.Metadata(type=inner):
            return _type(inner, inside)
        case inspect.CustomType(cls=cls) if cls is Duration:
            return {"$ref": "#/$defs/duration"}
        case inspect.StructType(cls=cls):
            return _struct(cls, inside)
        case inspect.DictType(key_type=key, value_type=value):
            names = _scalar(_bare(key))
            table = {"type": "object", "additionalProperties": _type(value, inside)}
            return {**table, "propertyNames": names} if names else table
        case inspect.CollectionType(item_type=item) | inspect.VarTupleType(item_type=item):
            return {"anyOf": [{"type": "array", "items": _type(item, inside)}, _REFERENCE]}
        case inspect.UnionType(types=types):
            return {"anyOf": [_type(each, inside) for each in types]}
    scalar = _scalar(kind)
    return {"anyOf": [scalar, _REFERENCE]} if scalar else {}


def _bare(kind: inspect.Type) -> inspect.Type:
    return _bare(kind.type) if isinstance(kind, inspect.Metadata) else kind


def _scalar(kind: inspect.Type) -> Schema:
    match kind:
        case inspect.IntType() | inspect.FloatType():
            limits = {"minimum": kind.ge, "exclusiveMinimum": kind.gt, "maximum": kind.le, "exclusiveMaximum": kind.lt}
            name = "integer" if isinstance(kind, inspect.IntType) else "number"
            return {"type": name, **{key: limit for key, limit in limits.items() if limit is not None}}
        case inspect.StrType():
            rules = {"minLength": kind.min_length, "maxLength": kind.max_length, "pattern": kind.pattern}
            return {"type": "string", **{key: rule for key, rule in rules.items() if rule is not None}}
        case inspect.CustomType(cls=cls) if cls is Path:
            return {"type": "string"}
        case inspect.LiteralType(values=values):
            return {"enum": list(values)}
        case inspect.EnumType(cls=cls):
            return {"enum": [member.value for member in cls]}
    return dict(_PLAIN.get(type(kind), {}))
