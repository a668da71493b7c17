"""The bytes of a text file: decompressed, in UTF-8, without a byte order mark."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Literal, cast

import zstandard

from nandoctor.errors import UNEXAMINABLE, NandoctorError

_READ = 1 << 20
# Bytes of zstandard that are inflated at a time: at worst to 32,768 times as many.
_FED = 1 << 11
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

Packing = Literal["none", "gzip", "zlib", "zstandard"]


def compressed(path: str) -> bool:
    """Whether the file's bytes are not those of its text."""
    return _packing_named(path) != "none"


def _packing_named(path: str) -> Packing:
    name = path.lower()
    return "gzip" if name.endswith(".gz") else "zstandard" if name.endswith(".zst") else "none"


def encoding_of(head: bytes) -> tuple[str, int]:
    """The encoding that the first bytes show (utf-8 unless they say more), and the length of their byte order mark."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    zeros = [head[:4096][place::2].count(0) for place in (0, 1)]
    if len(head) > 3 and max(zeros) > len(head[:4096]) // 4:
        return ("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"), 0
    return "utf-8", 0


@contextmanager
def opened(
    path: str,
    encoding: str = "utf-8",
    start: int = 0,
    most_bytes: int | None = None,
    packing: Packing | None = None,
) -> Iterator[IO[bytes]]:
    """The text as UTF-8 bytes without a byte order mark where it was another encoding, from byte `start` of these on.

    `packing` says how the file is compressed; without it, its name does. NandoctorError (exit code 3) for a damaged
    file, and for one that inflates past `most_bytes`.
    """
    with open(path, "rb") as raw:
        file: IO[bytes] = raw
        packing = packing or _packing_named(path)
        if packing == "gzip":
            file = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
        elif packing == "zstandard":
            # zstandard's own reader takes a file that is cut off for one that ends.
            file = cast(IO[bytes], _Inflated(raw, lambda: zstandard.ZstdDecompressor().decompressobj()))
        elif packing == "zlib":
            file = cast(IO[bytes], _Inflated(raw, zlib.decompressobj))
        elif encoding.startswith("utf-8"):
            raw.seek(start)
            start = 0
        stream: IO[bytes] = _Pieces(file, path, encoding, start, most_bytes if file is not raw else None)  # type: ignore[assignment]
        yield stream


class _Inflated:
    """What compressed frames hold, one after another; EOFError where the last one is cut off."""

    def __init__(self, file: IO[bytes], decompressor: Callable[[], Any]) -> None:
        self._file, self._decompressor = file, decompressor
        self._frame: Any = None
        self._packed = b""
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        while not self._ready:
            self._packed = self._packed or self._file.read(_FED)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError("ended before its end marker")
                return b""
            if self._frame is None:
                self._frame = self._decompressor()
            self._ready = memoryview(self._frame.decompress(self._packed))
            self._packed = b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        found, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return found


class _Pieces(io.RawIOBase):
    """A binary stream over another one: bounded, transcoded, its errors told to people."""

    def __init__(self, file: IO[bytes], path: str, encoding: str, start: int, most_bytes: int | None) -> None:
        self._file, self._path, self._most, self._seen = file, path, most_bytes, 0
        plain = encoding.startswith("utf-8")
        self._decoder = None if plain else codecs.getincrementaldecoder(encoding)(errors="replace")
        self._ended = False
        self._ready = b""
        self._begun = False
        while start > 0 and (skipped := len(self.read(min(start, _READ)))):
            start -= skipped

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, and some as long as there are any; all of them without it."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_READ), b""))
        if self._decoder is None:
            return self._raw(size)
        while not self._ended and len(self._ready) < size:
            raw = self._raw(_READ)
            self._ended = not raw
            text = self._decoder.decode(raw, final=self._ended)
            if text and not self._begun:
                self._begun, text = True, text.removeprefix("\ufeff")
            self._ready += text.encode("utf-8")
        found, self._ready = self._ready[:size], self._ready[size:]
        return found

    def readable(self) -> bool:
        """Yes: for the readers of Python that are put around it."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads at most as much as the buffer holds."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _raw(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise NandoctorError(
                f"{self._path}: not a whole compressed file (truncated or damaged)", UNEXAMINABLE
            ) from error
        self._seen += len(data)
        if self._most is not None and self._seen > self._most:
            raise NandoctorError(
                f"{self._path}: inflates past {self._most:,} bytes; allow more with --max-bytes", UNEXAMINABLE
            )
        return data
