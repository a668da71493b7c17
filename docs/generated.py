"""The pages that are made of the code: one for each rule, one for each family, and the contract of the report."""

from __future__ import annotations

import re
import shutil
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tabulate import tabulate

from nandoctor.cli.catalogue import families, flowing
from nandoctor.finding import (
    BadCell,
    Band,
    ColumnPrescription,
    ColumnRow,
    Finding,
    LayerRow,
    Link,
    Location,
    RecordedStep,
    Remedy,
    Report,
    ReportSubject,
    RunReport,
    Skipped,
    Summary,
    Tool,
)
from nandoctor.rule import Rule, limits, load_rules, needs, page
from nandoctor.wording import number

CONTRACT = (
    Report,
    Tool,
    ReportSubject,
    Summary,
    Finding,
    Location,
    Link,
    Remedy,
    Skipped,
    LayerRow,
    Band,
    ColumnRow,
    BadCell,
    ColumnPrescription,
    RunReport,
    RecordedStep,
)
# What the dataclasses hold beside the contract.
NOT_WRITTEN = {Report: {"pages"}, Finding: {"about"}, RunReport: {"history"}}
_CODE = re.compile(r"(`[^`]*`)")
_SPECIAL = re.compile(r"([\\*_\[\]<>#|])")
_JSON: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    Any: "any value",
    types.NoneType: "null",
}


def write_pages(docs: Path) -> None:
    """Write the folder `rules` and the page `contract-keys.md` anew, the latter to be included by a page of its own."""
    rules = docs / "rules"
    shutil.rmtree(rules, ignore_errors=True)
    rules.mkdir()
    grouped = [(family, slug(members[0]), members) for family, members in families(load_rules())]
    (rules / "index.md").write_text(_index(grouped), encoding="utf-8")
    for family, name, members in grouped:
        (rules / f"{name}.md").write_text(_family(family, members), encoding="utf-8")
        for rule in members:
            (rules / f"{rule.cause}.md").write_text(rule_page(rule), encoding="utf-8")
    (docs / "contract-keys.md").write_text("\n\n".join(_keys(kind) for kind in CONTRACT) + "\n", encoding="utf-8")


def slug(rule: type[Rule]) -> str:
    """The folder of rules that a rule lies in, which names the page of its family."""
    return rule.__module__.split(".")[2]


def rule_page(rule: type[Rule]) -> str:
    """The page of a rule in Markdown: what `nandoctor explain` prints."""
    sections = page(rule)
    blocks = [f"# {rule.code} {rule.cause}", f"**{markdown(rule.title)}.** {markdown(flowing(sections.pop('')))}"]
    for heading, text in sections.items():
        blocks += [f"## {heading}", _example(rule, text) if heading == "Example" else markdown(flowing(text))]
    thresholds = [[f"`{name}`", number(value)] for name, value in limits(rule()).items()]
    if thresholds:
        table = tabulate(thresholds, headers=["threshold", "default"], tablefmt="github", disable_numparse=True)
        blocks += ["## Thresholds", table]
        blocks.append(
            f"Set as `thresholds.{rule.cause}.{next(iter(limits(rule())))}` in [the settings](../formats.md)."
        )
    return "\n\n".join(blocks) + "\n"


def markdown(text: str) -> str:
    """Plain text with `code` as Markdown: what would be markup outside of the code is escaped."""
    parts = _CODE.split(text)
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in parts)


def _example(rule: type[Rule], text: str) -> str:
    seen_by = {"run": "nandoctor run", "source": "nandoctor lint"}
    command = next((told for need, told in seen_by.items() if need in needs(rule)), None)
    command = command or ("nandoctor scan" if "model =" in text else "nandoctor check-data")
    return f"`{command}` names this in:\n\n```python\n{text}\n```"


def _index(grouped: Sequence[tuple[str, str, Sequence[type[Rule]]]]) -> str:
    rows = [[f"[{family}]({name}.md)", f"{rules[0].code[:3]}xx", len(rules)] for family, name, rules in grouped]
    table = tabulate(rows, headers=["family", "codes", "rules"], tablefmt="github")
    told = "Each rule names one cause. `nandoctor explain NAME` prints its page."
    return f"# Rules\n\n{told}\n\n{table}\n\n" + _contents([name for _, name, _ in grouped])


def _family(family: str, members: Sequence[type[Rule]]) -> str:
    rows = [[rule.code, f"[{rule.cause}]({rule.cause}.md)", markdown(rule.title)] for rule in members]
    table = tabulate(rows, headers=["rule", "cause", "what it names"], tablefmt="github", disable_numparse=True)
    return f"# {family}\n\n{table}\n\n" + _contents([rule.cause for rule in members])


def _contents(names: Sequence[str]) -> str:
    listed = "\n".join(names)
    return f"```{{toctree}}\n:hidden:\n\n{listed}\n```\n"


def _keys(kind: type[Any]) -> str:
    """A part of the contract: what it is, and its keys with their JSON types."""
    hints = get_type_hints(kind)
    rows = [
        [f"`{one.name}`", " or ".join(json_types(hints[one.name]))]
        for one in fields(kind)
        if one.name not in NOT_WRITTEN.get(kind, ())
    ]
    table = tabulate(rows, headers=["key", "value"], tablefmt="github", disable_numparse=True)
    return f"## {kind.__name__}\n\n{markdown(flowing(cleandoc(kind.__doc__ or '')))}\n\n{table}"


def json_types(hint: Any) -> Iterator[str]:
    """What JSON writes for a value of that type."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        for one in inside:
            yield from json_types(one)
    elif origin is Literal:
        yield ", ".join(f"`{one}`" for one in inside)
    elif origin is tuple:
        yield f"list of {' or '.join(json_types(inside[0]))}"
    elif origin is not None:
        yield f"mapping to {' or '.join(json_types(inside[1]))}"
    elif isinstance(hint, type) and is_dataclass(hint):
        yield f"[{hint.__name__}](#{hint.__name__.lower()})"
    else:
        yield _JSON[hint]
