"""What check-ups find while a training goes on: told at once, and kept for the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.diagnosis.moment import sameness
from nandoctor.facts import Facts
from nandoctor.finding import Finding
from nandoctor.policy import Policy

# What the record alone can say while a training goes on; all else of it is judged when the training is over.
FORECASTS = frozenset({"learning-rate-too-high"})


@dataclass
class CheckUps:
    """The findings of check-ups by the project's `policy`, each at the step after which it was found first."""

    policy: Policy = field(default_factory=Policy)
    _found: dict[tuple[str, str], Finding] = field(default_factory=dict)
    _lasting: set[tuple[str, str]] = field(default_factory=set)

    def told(self, facts: Facts) -> Iterator[str]:
        """A line for each error and warning in these facts that no check-up has found before."""
        looked_at = facts.step is not None
        for finding in diagnose(facts, self.policy).findings:
            known = sameness(finding)
            if finding.severity == "note" or known in self._found or not (looked_at or finding.cause in FORECASTS):
                continue
            steps = facts.run.check_ups if facts.run is not None else ()
            step = steps[0] if steps else _last_step(facts)
            self._found[known] = replace(finding, location=replace(finding.location, step=step))
            if looked_at:
                self._lasting.add(known)
            yield f"after step {step:,}, {finding.severity}: {finding.title} ({finding.cause}). {finding.message}"

    def gone(self) -> tuple[Finding, ...]:
        """What looks at whole steps have found, as notes where it was a warning: for what a last look did not find.

        A forecast from the record is not among them: at the end the record itself tells what has come of it.
        """
        return tuple(
            replace(self._found[one], severity="note" if self._found[one].severity == "warning" else "error")
            for one in self._found
            if one in self._lasting
        )


def _last_step(facts: Facts) -> int:
    histories = [one.history for one in facts.run.optimizers if one.history] if facts.run is not None else []
    return max((one.first_step + one.steps - 1 for one in histories), default=0)
