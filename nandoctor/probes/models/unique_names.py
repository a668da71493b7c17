"""Names that tell variables apart."""

from __future__ import annotations

from collections.abc import Iterable


def unique_names(names: Iterable[str]) -> list[str]:
    """The same names; a repeated one gets a number on its layer: `dense/kernel`, `dense_2/kernel`.

    Keras names variables by the layer that holds them, so that two sub-models may each have a `dense/kernel`.
    """
    wanted = list(names)
    taken = set(wanted)
    seen: set[str] = set()
    result = []
    for name in wanted:
        chosen = name
        if name in seen:
            layer, _, last = name.rpartition("/")
            number = 2
            while (chosen := f"{layer}_{number}/{last}" if layer else f"{last}_{number}") in taken | seen:
                number += 1
        seen.add(chosen)
        result.append(chosen)
    return result
