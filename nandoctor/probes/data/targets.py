"""Which arrays or columns are the labels, as the user named them or as their names say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nandoctor.errors import USAGE, NandoctorError
from nandoctor.probes.data.names import LABEL_NAMES, conventional, label_names, plain, same_name
from nandoctor.wording import listing


def asked_labels(option: str, outputs: Sequence[str], names: Sequence[str], file: str) -> Mapping[str, tuple[str, ...]]:
    """The names by output that `--labels` asks for: `KEY`, `KEY,KEY` in the order of the outputs, `OUTPUT=KEY,...`.

    With a single output, several names together are its label. NandoctorError (exit code 2) for what is not there.
    """
    whole = same_name(option, names)
    parts = [whole] if whole is not None else [part.strip() for part in option.split(",") if part.strip()]
    asked: dict[str, tuple[str, ...]] = {}
    positional: list[str] = []
    for part in parts:
        output, equals, key = part.partition("=")
        known = same_name(output, outputs) if equals and part not in names else None
        if known is None:
            positional.append(_named(part, names, file))
        else:
            asked[known] = (*asked.get(known, ()), _named(key, names, file))
    if positional and len(outputs) == 1:
        asked[outputs[0]] = (*asked.get(outputs[0], ()), *positional)
    elif positional:
        free = [output for output in outputs if output not in asked]
        if len(positional) != len(free):
            raise NandoctorError(
                f"--labels {option}: the model has the outputs {listing(list(outputs))}; "
                f"name the labels of each, as in --labels {outputs[0]}={positional[0]},...",
                USAGE,
            )
        asked.update({output: (name,) for output, name in zip(free, positional, strict=True)})
    return asked


def conventional_labels(outputs: Sequence[str], names: Sequence[str]) -> Mapping[str, str]:
    """The label of each output as far as the names tell: the output's own name, or y, labels, target and so on."""
    found: dict[str, str] = {}
    for output in outputs:
        name = same_name(output, names)
        if name is None and len(outputs) > 1:
            by_plain = {plain(candidate): candidate for candidate in names}
            name = next((by_plain[word] for word in label_names(output) if word in by_plain), None)
        if name is None and len(outputs) == 1:
            name = conventional(names, LABEL_NAMES)
        if name is not None and name not in found.values():
            found[output] = name
    return found


def _named(key: str, names: Sequence[str], file: str) -> str:
    name = same_name(key.strip(), names)
    if name is None:
        raise NandoctorError(f"--labels {key}: {file} has no such name; it has {listing(list(names), 20)}", USAGE)
    return name
