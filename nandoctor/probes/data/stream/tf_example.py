"""The records of a TFRecord file, and the tf.train.Example in each: without TensorFlow."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from operator import attrgetter
from typing import IO, Any, cast

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.probes.data.stream.feature import Kind
from nandoctor.probes.data.stream.source import Packing, opened

# A protocol buffer message is never longer.
LONGEST_RECORD = 2 << 30
_MASK = 0xA282EAD8
_HEADER = struct.Struct("<QI")
_GZIP, _ZLIB = b"\x1f\x8b", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def packing(path: str) -> Packing:
    """How the whole file is compressed, whatever its name says."""
    with open(path, "rb") as file:
        head = file.read(_HEADER.size)
    if len(head) == _HEADER.size and _masked(head[:8]) == _HEADER.unpack(head)[1]:
        return "none"
    if head.startswith(_GZIP):
        return "gzip"
    return "zlib" if head.startswith(_ZLIB) else "none"


@contextmanager
def opened_records(path: str, start: int, most_bytes: int | None) -> Iterator[IO[bytes]]:
    """The records' bytes from byte `start` on, decompressed; NandoctorError (exit code 3) past `most_bytes`."""
    with opened(path, start=start, most_bytes=most_bytes, packing=packing(path)) as file:
        yield io.BufferedReader(cast(io.RawIOBase, file), 1 << 20)


def records(file: IO[bytes], path: str, *, start: int, row: int, end: int | None) -> Iterator[tuple[int, bytes]]:
    """Each record with the byte at which its frame begins, up to byte `end`; `row` numbers the first in messages.

    NandoctorError (exit code 3) for a record that is damaged or cut off.
    """
    import google_crc32c

    while end is None or start < end:
        header = file.read(_HEADER.size)
        if not header:
            return
        where = f"{path}: record {row:,} (from 0, at byte {start:,})"
        if len(header) < _HEADER.size:
            raise _refused(where, "is cut off; the file is truncated")
        length, checksum = _HEADER.unpack(header)
        if _masked(header[:8]) != checksum or length > LONGEST_RECORD:
            what = "is no TFRecord (truncated, damaged, or another format)" if not row else "is damaged (its length)"
            raise _refused(where, what)
        body = file.read(length + 4)
        if len(body) < length + 4:
            raise _refused(where, "is cut off; the file is truncated")
        data = body[:-4]
        if _mask(google_crc32c.value(data)) != int.from_bytes(body[-4:], "little"):
            raise _refused(where, "is damaged (its checksum is another)")
        yield start, data
        start += _HEADER.size + length + 4
        row += 1


# The values of a feature, by its kind; empty for one of another kind.
VALUES: Mapping[Kind, Callable[[Any], Any]] = {
    "float_list": attrgetter("float_list.value"),
    "int64_list": attrgetter("int64_list.value"),
    "bytes_list": attrgetter("bytes_list.value"),
}


def features(data: bytes, where: str) -> Mapping[str, Any]:
    """The features of the record by name, as messages.

    NandoctorError (exit code 3), beginning with `where`, for what is no tf.train.Example.
    """
    from google.protobuf.message import DecodeError

    try:
        example = _example_class().FromString(data)
    except DecodeError as error:
        raise _refused(where, "is no tf.train.Example") from error
    if example.feature_lists:
        raise _refused(where, "is a tf.train.SequenceExample; only tf.train.Example are read")
    found: Mapping[str, Any] = example.features.feature
    return found


def kind_of(feature: Any) -> Kind | None:
    """The kind of the values of a feature; None where there are none."""
    kind: Kind | None = feature.WhichOneof("kind")
    return kind if kind is not None and len(VALUES[kind](feature)) else None


@cache
def _example_class() -> Any:
    """The message class of tf.train.Example, as tensorflow/core/example/example.proto and feature.proto define it."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="example.proto", package="nandoctor", syntax="proto3")

    def message(owner: Any, name: str, *fields: tuple[str, int, int]) -> Any:
        found = owner.add(name=name)
        for number, (field, kind, label) in enumerate(fields, start=1):
            found.field.add(name=field, number=number, type=kind, label=label)
        return found

    def typed(field: Any, name: str) -> None:
        field.type_name = f".nandoctor.{name}"

    one, many = Field.LABEL_OPTIONAL, Field.LABEL_REPEATED
    message(file.message_type, "BytesList", ("value", Field.TYPE_BYTES, many))
    message(file.message_type, "FloatList", ("value", Field.TYPE_FLOAT, many))
    message(file.message_type, "Int64List", ("value", Field.TYPE_INT64, many))
    kinds = ("bytes_list", "float_list", "int64_list")
    feature = message(file.message_type, "Feature", *((kind, Field.TYPE_MESSAGE, one) for kind in kinds))
    feature.oneof_decl.add(name="kind")
    for field, name in zip(feature.field, ("BytesList", "FloatList", "Int64List"), strict=True):
        typed(field, name)
        field.oneof_index = 0
    of_names = message(file.message_type, "Features", ("feature", Field.TYPE_MESSAGE, many))
    typed(of_names.field[0], "Features.FeatureEntry")
    entry = message(
        of_names.nested_type, "FeatureEntry", ("key", Field.TYPE_STRING, one), ("value", Field.TYPE_MESSAGE, one)
    )
    typed(entry.field[1], "Feature")
    entry.options.map_entry = True
    # Field 2 is what a SequenceExample has besides; an Example has none.
    example = message(
        file.message_type, "Example", ("features", Field.TYPE_MESSAGE, one), ("feature_lists", Field.TYPE_BYTES, one)
    )
    typed(example.field[0], "Features")
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("nandoctor.Example"))


def _masked(data: bytes) -> int:
    import google_crc32c

    return _mask(google_crc32c.value(data))


def _mask(checksum: int) -> int:
    return (((checksum >> 15) | (checksum << 17)) + _MASK) & 0xFFFFFFFF


def _refused(where: str, what: str) -> NandoctorError:
    return NandoctorError(f"{where} {what}", UNEXAMINABLE)
