"""What stands in a capsule's manifest.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import cattrs

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts.origin import Sink
from nandoctor.finding import Tool

SCHEMA_VERSION = 1
Role = Literal["input", "label", "random", "state", "constant"]


@dataclass(frozen=True)
class FedArray:
    """A tensor that is given to the step: its `key` and `dtype` in its file, its name, the tensor of the graph."""

    key: str
    dtype: str
    name: str
    tensor: str
    role: Role


@dataclass(frozen=True)
class HeldArray:
    """A variable: its `key` and `dtype` in weights.npz, its name, the tensor of the graph that is its handle."""

    key: str
    dtype: str
    name: str
    tensor: str
    trainable: bool


@dataclass(frozen=True)
class LeftOut:
    """A part that is not in the capsule, its size in bytes as far as it is known, and why."""

    part: str
    size: int
    reason: str


@dataclass(frozen=True)
class Manifest:
    """All of a capsule that is neither an array, nor the graph, nor a fact.

    `digests` are the SHA-256 of the other files that a replay reads, by name. The rest is as in `StepCapture`.
    """

    schema_version: int
    written: str
    tool: Tool
    digests: Mapping[str, str]
    fed: tuple[FedArray, ...]
    held: tuple[HeldArray, ...]
    results: tuple[tuple[Sink, str, str], ...]
    terms: tuple[tuple[str, str], ...] = ()
    lines: Mapping[str, tuple[str, int, str, str]] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    root: str | None = None
    compiled: bool = False
    evaluation: bool = False
    left_out: tuple[LeftOut, ...] = ()


def dump_manifest(manifest: Manifest) -> str:
    """The manifest as JSON, indented for people."""
    return json.dumps(_converter().unstructure(manifest), indent=1)


def parse_manifest(text: str, where: str) -> Manifest:
    """The manifest in that text; NandoctorError (exit code 3) where it is none of a version that is known here."""
    try:
        plain = json.loads(text)
        version = plain["schema_version"]
        if version == SCHEMA_VERSION:
            return _converter().structure(plain, Manifest)
    except Exception as error:  # cattrs raises groups of many kinds; each means the same to the reader
        raise NandoctorError(
            f"{where}: not the manifest of a capsule ({type(error).__name__})", UNEXAMINABLE
        ) from error
    raise NandoctorError(
        f"{where}: the capsule is of version {str(version)[:20]}, this nandoctor reads {SCHEMA_VERSION}; "
        "use the nandoctor that wrote it",
        UNEXAMINABLE,
    )


@cache
def _converter() -> cattrs.Converter:
    return cattrs.Converter(detailed_validation=False)
