"""What the batch of a step may be from."""

from __future__ import annotations

import tensorflow as tf

from nandoctor.probes.watch.data_behind import GivenTo
from nandoctor.probes.watch.session import Watch


def given_to_fit(watch: Watch, *, pipelines: bool = True) -> GivenTo:
    """The data that `fit` was given last, and what else the batch of a step may be from.

    Without `pipelines` nothing of a tf.data pipeline: only the batch counts then, else its functions are run again.
    """
    fitting = watch.fitting or watch.fitted
    x, y = (fitting.x, fitting.y) if fitting else (None, None)
    if not pipelines and isinstance(x, tf.data.Dataset):
        x = y = None
    return GivenTo(
        x,
        y,
        python=not watch.skip,
        tables=tuple(watch.tables.files),
        loops=tuple(watch.looped_over.datasets) if pipelines and not watch.fitting else (),
    )
