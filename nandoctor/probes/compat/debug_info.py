"""The debug information that `SaveOptions(save_debug_info=True)` leaves beside a SavedModel."""

from __future__ import annotations

from pathlib import Path

from tensorflow.core.framework import graph_debug_info_pb2

Frame = tuple[str, int, str | None]


def read_debug_info(path: Path) -> dict[str, list[Frame]]:
    """Stack frames (file, line, function) of each op by its name in its function, outermost frame first.

    TensorFlow has left its own frames out.

    Several functions may hold an op of the same name; they are copies of the same code, and the first one is kept.
    Empty where the file cannot be read.
    """
    message = graph_debug_info_pb2.GraphDebugInfo()
    try:
        message.ParseFromString(path.read_bytes())
    except Exception:  # protobuf raises its own kinds; debug information is an extra, never worth a failure
        return {}
    found: dict[str, list[Frame]] = {}
    for key in sorted([*message.traces, *message.name_to_trace_id]):
        name = key.split("@")[0]
        if name not in found:
            found[name] = _frames(message, key)
    return found


def _frames(message: graph_debug_info_pb2.GraphDebugInfo, key: str) -> list[Frame]:
    if key in message.name_to_trace_id:
        trace = message.traces_by_id[message.name_to_trace_id[key]]
    else:
        trace = message.traces[key]
    lines = list(trace.file_line_cols) or [message.frames_by_id[identity] for identity in trace.frame_id]
    return [(message.files[line.file_index], line.line, line.func or None) for line in lines]
