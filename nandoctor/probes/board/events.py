"""TensorBoard's event files, written through tf.summary.

A step is written as one `Summary` message: it is a string to TensorFlow, so that neither the script's
`tf.debugging.enable_check_numerics` nor anything else sees its NaN, and it needs the package tensorboard no more than
the script does. Messages are as tf.summary.scalar, histogram and text make them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.watching import running_eagerly
from nandoctor.stats import Array

NOTHING: Mapping[str, Any] = {}
Write = Callable[..., None]


class Events:
    """An event file in a folder, which is made. OSError or a TensorFlow error where it cannot be written.

    The script's own tf.summary is left alone: its default writer, its step, and whether it records.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with running_eagerly():
            self._writer = tf.summary.create_file_writer(str(folder))

    @contextmanager
    def writing(self) -> Iterator[Write]:
        """Gives `write_step`; what was written in the `with` block is in the file when that has ended."""
        with running_eagerly(), self._writer.as_default(), tf.summary.record_if(True):
            yield write_step
            self._writer.flush()

    def close(self) -> None:
        """Write no more."""
        with running_eagerly():
            self._writer.close()


def write_step(
    step: int,
    scalars: Mapping[str, float] = NOTHING,
    histograms: Mapping[str, Array] = NOTHING,
    texts: Mapping[str, str] = NOTHING,
) -> None:
    """Write numbers, histograms (buckets of shape (k, 3), float64) and texts (Markdown) of a step, by tag.

    A number is rounded to float32.
    """
    summary = tf.compat.v1.Summary()
    for tag, number in scalars.items():
        tensor = _tensor(summary, tag, "scalars")
        # As tf.summary.scalar does: of a float64 TensorBoard's data server shows nothing.
        tensor.dtype = tf.float32.as_datatype_enum
        tensor.float_val.append(number)
        tensor.tensor_shape.SetInParent()
    for tag, buckets in histograms.items():
        _tensor(summary, tag, "histograms").CopyFrom(tf.make_tensor_proto(buckets, tf.float64))
    for tag, text in texts.items():
        _tensor(summary, tag, "text").CopyFrom(tf.make_tensor_proto(text, tf.string))
    if summary.value:
        tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=step)


def _tensor(summary: Any, tag: str, plugin: str) -> Any:
    """The empty tensor of a new value, which that plugin of TensorBoard shows."""
    value = summary.value.add(tag=tag)
    value.metadata.plugin_data.plugin_name = plugin
    return value.tensor
