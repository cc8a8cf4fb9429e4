"""The content security policies: nothing from elsewhere, nothing inline."""

from __future__ import annotations

__all__ = ["PAGE_POLICY", "POLICY"]

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_POLICY = f"{POLICY}; require-trusted-types-for 'script'; trusted-types 'none'"
"""The built page's: the browser itself refuses to make markup or code of a string."""
