"""Badges: small SVG images for README files and wikis, and the same for shields.io. Names go through an XML writer."""

from __future__ import annotations

from xml.etree import ElementTree as ET  # only written, never parsed

from msgspec import Struct

from auscult.model import Status

__all__ = ["ShieldBody", "badge"]

_COLORS = {"green": "#2da44e", "yellow": "#bf8700", "red": "#cf222e", "gray": "#6e7781"}
_SHIELD = {"green": "brightgreen", "yellow": "yellow", "red": "red", "gray": "lightgrey"}
_OF_STATUS = {Status.HEALTHY: "green", Status.DEGRADED: "yellow", Status.UNHEALTHY: "red"}
_NARROW, _WIDE = set("iljtf.,:;!|'1 ()[]"), set("mwMW@%")
_UNFIT = dict.fromkeys((*range(32), *range(127, 160), 65534, 65535, *range(55296, 57344)))


class ShieldBody(Struct, frozen=True, kw_only=True, rename={"schema_version": "schemaVersion"}):
    """As shields.io's endpoint wants it."""

    schema_version: int = 1
    label: str
    message: str
    color: str


class Badge(Struct, frozen=True, kw_only=True):
    """What a badge says."""

    label: str
    message: str
    color: str

    def svg(self) -> bytes:
        """As an image."""
        return _svg(self.label, self.message, _COLORS[self.color])

    def shield(self) -> ShieldBody:
        """For shields.io."""
        return ShieldBody(label=self.label, message=self.message, color=_SHIELD[self.color])


def badge(
    what: str, name: str, *, status: Status, uptime: float | None, window: str, response_ms: float | None
) -> Badge:
    """The badge about `what`: ``health``, ``uptime`` or ``response-time``."""
    name = name.translate(_UNFIT)[:100]
    if what == "health":
        return Badge(label=name, message=status.value, color=_OF_STATUS.get(status, "gray"))
    if what == "uptime":
        color = "gray" if uptime is None else "green" if uptime >= 99 else "yellow" if uptime >= 95 else "red"
        message = "unknown" if uptime is None else f"{_percent(uptime)} %"
        return Badge(label=f"{name} uptime {window}", message=message, color=color)
    message = "unknown" if response_ms is None else _time(response_ms)
    color = "gray" if response_ms is None else _OF_STATUS.get(status, "gray")
    return Badge(label=f"{name} response", message=message, color=color)


def _percent(value: float) -> str:
    """Never rounded up to 100."""
    return "100" if value == 100 else f"{int(value * 100) / 100:g}"


def _time(ms: float) -> str:
    return f"{ms / 1000:.1f} s" if ms >= 1000 else f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"


def _svg(label: str, message: str, color: str) -> bytes:
    left, right = _width(label), _width(message)
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(left + right),
            "height": "20",
            "role": "img",
            "aria-label": f"{label}: {message}",
        },
    )
    ET.SubElement(root, "title").text = f"{label}: {message}"
    clip = ET.SubElement(root, "clipPath", {"id": "r"})
    ET.SubElement(clip, "rect", {"width": str(left + right), "height": "20", "rx": "3", "fill": "#fff"})
    shapes = ET.SubElement(root, "g", {"clip-path": "url(#r)"})
    ET.SubElement(shapes, "rect", {"width": str(left), "height": "20", "fill": "#444"})
    ET.SubElement(shapes, "rect", {"x": str(left), "width": str(right), "height": "20", "fill": color})
    font = {"fill": "#fff", "text-anchor": "middle", "font-family": "Verdana,Geneva,sans-serif", "font-size": "11"}
    words = ET.SubElement(root, "g", font)
    ET.SubElement(words, "text", {"x": f"{left / 2:g}", "y": "14"}).text = label
    ET.SubElement(words, "text", {"x": f"{left + right / 2:g}", "y": "14"}).text = message
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=False))


def _width(text: str) -> int:
    """About what the text takes in Verdana 11 px, with room at both sides."""
    return round(sum(4.2 if c in _NARROW else 10 if c in _WIDE else 7.2 for c in text)) + 12
