"""The report as YAML."""

from __future__ import annotations

from typing import Any

import yaml

from nandoctor.finding import Report
from nandoctor.reports.contract import as_mapping


def render(report: Report) -> str:
    """The contract as block-style YAML in the contract's order; any YAML 1.1 loader reads it back unchanged."""
    mapping = as_mapping(report)
    text: str = yaml.dump(
        mapping, Dumper=_ReadableDumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
    )
    return text


class _ReadableDumper(yaml.SafeDumper):
    """Numbers in one line, texts of several lines as they are."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent list items below their key, which `indentless` would not."""
        del indentless
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal values out each time: a person should not chase anchors."""
        del data
        return True


def _list(dumper: _ReadableDumper, items: list[Any]) -> yaml.Node:
    numbers = bool(items) and all(isinstance(item, int | float) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=numbers)


def _text(dumper: _ReadableDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_ReadableDumper.add_representer(list, _list)
_ReadableDumper.add_representer(str, _text)
