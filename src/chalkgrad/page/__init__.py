"""The page: a network in one HTML file, in which every number can be opened and changed."""

from __future__ import annotations

from .page import Page, page

__all__ = ["Page", "page"]
