"""What a project wants of the rules: which apply, with which thresholds, and how severe their findings are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nandoctor.finding import Finding, Severity

if TYPE_CHECKING:
    # What imports rules imports NumPy, and a script that is watched is to be the first to do so.
    from nandoctor.rule import Named, Rule


@dataclass(frozen=True)
class Policy:
    """A project's settings, none of them by default.

    `select` and `ignore` name rules by code (ND201), family (ND2) or cause (log-of-zero); an empty `select` is all of
    them. `severities` and `thresholds` (by field) are by rule code. `ignored_by_path` are the rules ignored by pattern
    of the source file, relative to `root`. `named` is what the settings were read from, for messages.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, int | float]] = field(default_factory=dict)
    ignored_by_path: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    root: Path | None = None
    named: str = "the configuration"

    def refusal(self, rule: Named | type[Rule]) -> str | None:
        """Why the rule is not to be applied, None where it is."""
        if any(names(rule, one) for one in self.ignore):
            return f"ignored by {self.named}"
        if self.select and not any(names(rule, one) for one in self.select):
            return f"not selected by {self.named}"
        return None

    def rule(self, kind: type[Rule]) -> Rule:
        """The rule with the project's thresholds."""
        make: Any = kind
        made: Rule = make(**self.thresholds.get(kind.code, {}))
        return made

    def severe(self, finding: Finding) -> Finding:
        """The finding with the severity that the project gives its rule."""
        severity = self.severities.get(finding.rule)
        return finding if severity is None else replace(finding, severity=severity)

    def hides(self, finding: Finding) -> bool:
        """Whether the finding is about a file whose findings of that rule are ignored."""
        file = finding.location.file
        if file is None or not self.ignored_by_path:
            return False
        path = Path(file).absolute()
        inside = self.root is not None and path.is_relative_to(self.root)
        shown = path.relative_to(self.root).as_posix() if self.root is not None and inside else path.as_posix()
        return any(
            fnmatch(shown, pattern) and any(finding.rule.startswith(one) or finding.cause == one for one in ignored)
            for pattern, ignored in self.ignored_by_path.items()
        )


def names(rule: Named | type[Rule], text: str) -> bool:
    """Whether a text names the rule: its code, its family or its cause."""
    return rule.cause == text or (text.startswith("ND") and rule.code.startswith(text))
