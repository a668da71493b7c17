"""The report as a page to look at: one file that needs nothing else, and its core for a notebook."""

from __future__ import annotations

from nandoctor.reports.html.page import fragment, render

__all__ = ["fragment", "render"]
