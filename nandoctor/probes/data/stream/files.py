"""From what a user names to the files of one data set."""

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from nandoctor.errors import UNEXAMINABLE, NandoctorError

STANDARD_INPUT = "-"
_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".npz": "npz",
    ".npy": "npz",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
}
_COMPRESSIBLE = ("csv", "jsonl", "tfrecord")
# Written in shards, these have names such as train.tfrecord-00000-of-00010.
_SHARD = re.compile(r"-\d+-of-\d+$")
# What a full disk, a quota and a limit of the shell say.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
KNOWN = ".csv, .tsv, .jsonl, .tfrecord (also .gz, .zst), .parquet, .npz, .npy"


@dataclass(frozen=True)
class DataFile:
    """A file to read: its `path` here, as what it is `shown`, its `size`.

    Its `format` is csv, jsonl, parquet, npz or tfrecord.
    """

    path: str
    shown: str
    format: str
    size: int


@contextmanager
def found_files(paths: Sequence[str]) -> Iterator[list[DataFile]]:
    """The files of all these paths, folders, globs and URLs, of one format; what was fetched is deleted at the end.

    NandoctorError (exit code 3) with one line for everything that cannot be examined.
    """
    with tempfile.TemporaryDirectory(prefix="nandoctor-") as folder:
        files = [file for path in paths for file in _found(path, folder)]
        if not files:
            raise NandoctorError("no data file was named", UNEXAMINABLE)
        formats = sorted({file.format for file in files})
        if len(formats) > 1:
            raise NandoctorError(
                f"files of different formats ({', '.join(formats)}) are no one data set; name those of one format",
                UNEXAMINABLE,
            )
        try:
            yield files
        except NandoctorError as error:
            # Nobody knows the copy of what was fetched.
            message = error.message
            for file in files:
                message = message.replace(file.path, file.shown)
            raise NandoctorError(message, error.exit_code) from error


def _found(path: str, folder: str) -> list[DataFile]:
    if path == STANDARD_INPUT:
        return [_standard_input(folder)]
    if "://" in path:
        return [_fetched(path, folder)]
    if os.path.isdir(path):
        return _in_folder(path)
    if not os.path.exists(path) and glob.has_magic(path):
        named = sorted(glob.glob(path, recursive=True))
        if not named:
            raise NandoctorError(f"{path}: no file has such a name", UNEXAMINABLE)
        return [file for name in named for file in _found(name, folder)]
    return [_file(path)]


def _in_folder(path: str) -> list[DataFile]:
    try:
        walked = sorted(os.path.join(root, name) for root, _, names in os.walk(path, onerror=_raise) for name in names)
    except OSError as error:
        raise NandoctorError(f"{path}: cannot be read ({error.strerror})", UNEXAMINABLE) from error
    data = [name for name in walked if _format(name) is not None and not os.path.basename(name).startswith((".", "_"))]
    if not data:
        raise NandoctorError(f"{path}: a folder without data files ({KNOWN})", UNEXAMINABLE)
    return [_file(name) for name in data]


def _file(path: str) -> DataFile:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise NandoctorError(f"{path}: there is no such file", UNEXAMINABLE) from None
    except OSError as error:
        raise NandoctorError(f"{path}: cannot be read ({error.strerror})", UNEXAMINABLE) from error
    if stat.S_ISFIFO(status.st_mode):
        raise NandoctorError(f"{path}: a pipe; give its data on standard input, with - as the file", UNEXAMINABLE)
    if not stat.S_ISREG(status.st_mode):
        raise NandoctorError(f"{path}: not a regular file", UNEXAMINABLE)
    kind = _format(path)
    if kind is None:
        raise NandoctorError(_unknown(path), UNEXAMINABLE)
    if not status.st_size:
        raise NandoctorError(f"{path}: the file is empty", UNEXAMINABLE)
    if not os.access(path, os.R_OK):
        raise NandoctorError(f"{path}: cannot be read (Permission denied)", UNEXAMINABLE)
    return DataFile(path, path, kind, status.st_size)


def _format(path: str) -> str | None:
    name = path.lower()
    packed = name.endswith((".gz", ".zst"))
    stem = _SHARD.sub("", os.path.splitext(name)[0] if packed else name)
    kind = _FORMATS.get(os.path.splitext(stem)[1])
    return None if packed and kind not in _COMPRESSIBLE else kind


def _unknown(path: str) -> str:
    suffix = os.path.splitext(path)[1]
    what = f"{suffix} files" if suffix else "files without a suffix"
    return f"{path}: cannot read {what}; the formats are {KNOWN}"


def _standard_input(folder: str) -> DataFile:
    # Kept in a file, so that it is read in parts and looked at first like any other.
    copy = os.path.join(folder, "standard-input.csv")
    try:
        with open(copy, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
    except OSError as error:
        raise _no_room("standard input", error) from error
    size = os.path.getsize(copy)
    if not size:
        raise NandoctorError("standard input: nothing came", UNEXAMINABLE)
    return DataFile(copy, "standard input", "csv", size)


def _fetched(url: str, folder: str) -> DataFile:
    name = url.split("?", 1)[0]
    kind = _format(name)
    if kind is None:
        raise NandoctorError(_unknown(name), UNEXAMINABLE)
    try:
        import fsspec
    except ImportError:
        raise NandoctorError(f"{url}: needs fsspec; pip install fsspec", UNEXAMINABLE) from None
    # Several addresses may end in the same name.
    copy = os.path.join(tempfile.mkdtemp(dir=folder), os.path.basename(name))
    try:
        driver, there = fsspec.core.url_to_fs(url)
        driver.get_file(there, copy)
    except ImportError as error:
        raise NandoctorError(f"{url}: its driver is not installed ({_one_line(error)})", UNEXAMINABLE) from error
    except Exception as error:  # every driver raises its own
        reason = _reason(error)
        if isinstance(reason, OSError) and reason.errno in _NO_ROOM:
            raise _no_room(url, reason) from error
        missing = isinstance(reason, FileNotFoundError)
        what = "there is no such file" if missing else f"cannot be fetched ({_one_line(reason)})"
        raise NandoctorError(f"{url}: {what}", UNEXAMINABLE) from error
    size = os.path.getsize(copy)
    if not size:
        raise NandoctorError(f"{url}: the file is empty", UNEXAMINABLE)
    return DataFile(copy, url, kind, size)


def _no_room(shown: str, error: OSError) -> NandoctorError:
    where = tempfile.gettempdir()
    return NandoctorError(
        f"{shown}: no room for a copy in {where} ({error.strerror}); set TMPDIR to a folder with more", UNEXAMINABLE
    )


def _reason(error: BaseException) -> BaseException:
    """The failed connection behind an error, which fsspec passes on as a missing file; else the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


def _one_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _raise(error: OSError) -> None:
    raise error
