"""A watched run in one sentence."""

from __future__ import annotations

from nandoctor.facts import RunFacts
from nandoctor.wording import listing, plural


def sentence(run: RunFacts, *, max_steps: int | None, nearest: str | None, spent: float) -> str:
    """What was watched, how it ended, how near anything came to a limit (`nearest`), and what the watch cost.

    `spent` are the seconds that the watch took outside of the steps. Of several optimizers the updates of each are
    told, since one step of such a training makes several.
    """
    parts = [f"{_watched(run)}{_left_out(run)}{_ending(run, max_steps)}" if run.steps else _nothing_trained(run)]
    if nearest and run.trip is None:
        parts.append(nearest)
    share = f" ({spent / run.seconds:.1%})" if run.seconds > 0.0 else ""
    parts.append(f"the watch took {spent:.1f} s of {run.seconds:.1f} s{share}, its checks inside the steps not counted")
    return "; ".join(parts)


def _nothing_trained(run: RunFacts) -> str:
    if run.trip is not None and run.trip.kind != "evaluation":
        return "training watched, and stopped in its first step"
    return "evaluate and predict watched, nothing was trained"


def _watched(run: RunFacts) -> str:
    if not _several(run):
        return f"{plural(run.steps, 'step')} of training watched"
    each = listing([f"{one.steps:,} by {one.told}" for one in run.optimizers])
    return f"{plural(run.steps, 'update')} of weights watched ({each})"


def _several(run: RunFacts) -> bool:
    """Whether several optimizers train, and not one on several replicas."""
    return len({one.told for one in run.optimizers}) > 1 or any(one.steps < run.steps for one in run.optimizers)


def _left_out(run: RunFacts) -> str:
    """What a loss scale left out, which is its way of finding a scale, and what was left out for a trip."""
    scaled = sum(one.skipped for one in run.optimizers)
    told = f", {scaled:,} of them left out by the loss scale" if scaled else ""
    return f"{told}, {len(run.skipped_updates):,} of them left out" if run.skipped_updates else told


def _ending(run: RunFacts, max_steps: int | None) -> str:
    if run.skipped_updates:
        return ""
    if run.trip is not None and run.trip.kind == "evaluation":
        return f", and {run.trip.way} turned non-finite"
    if run.trip is not None:
        optimizer = run.tripped_optimizer if _several(run) else None
        return f", and stopped at step {run.trip.step:,}{f' of {optimizer.told}' if optimizer else ''}"
    if max_steps is not None and run.steps >= max_steps:
        return f", and stopped there (--max-steps {max_steps})"
    return ""
