"""The op types by which TensorFlow 1 wrote loops and conditions into a graph."""

from __future__ import annotations

TF1_CONTROL_FLOW = frozenset({"Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"})


def is_tf1_control_flow(op_type: str) -> bool:
    """Whether an op type is one of them, in its plain form or in that for reference variables (`RefSwitch`)."""
    return op_type.removeprefix("Ref") in TF1_CONTROL_FLOW
