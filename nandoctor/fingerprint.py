"""What a finding is known by from one run to the next."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import PurePath

from nandoctor.finding import Finding

VERSION = "nandoctor/v1"
_COUNTER = re.compile(r"_\d+(?=/|$|:)")


def fingerprint(finding: Finding) -> str:
    """32 hexadecimal digits that stay the same when the program runs again, or lines are added above.

    Numbers, rows, steps and line numbers are left out, and so are the counters that TensorFlow and Keras append to
    names of which there are several: what remains is the rule, the cause, the place by name, and the text of the line.
    """
    where = finding.location
    parts = (
        finding.rule,
        finding.cause,
        PurePath(where.file).name if where.file else None,
        where.function,
        " ".join(where.code.split()) if where.code else None,
        _COUNTER.sub("", where.layer) if where.layer else None,
        _COUNTER.sub("", where.op) if where.op else None,
        where.op_type,
        where.phase,
        where.columns,
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
