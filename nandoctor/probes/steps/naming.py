"""From an op's name to the layer it belongs to, and from a gradient op to its forward op."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import takewhile

_COUNTER = re.compile(r"_\d+$")
_GRADIENT = re.compile(r"^(?:.*/)?(?:gradients|gradient_tape)(?:_\d+)?/")
OP_SCOPES = {
    "adjoint", "argsort", "batch_normalization_grad", "batchnorm", "boolean_mask", "cholesky_solve",
    "clip_by_norm", "clip_by_value", "cond", "count_nonzero", "diag", "diag_part", "einsum", "embedding_lookup",
    "erfcinv", "erfinv", "eye", "global_norm", "l2_normalize", "lbeta", "linspace", "log_poisson_loss",
    "logdet", "logistic_loss", "matrix_exponential", "matrix_rank", "matrix_solve_ls", "matrix_transpose",
    "mean_squared_error", "moments", "norm", "normalize", "one_hot", "ones", "ones_like", "packed", "pinv",
    "range", "reciprocal_no_nan", "reduce_std", "reduce_variance", "set_diag",
    "softmax_cross_entropy_with_logits", "strided_slice", "switch_case", "transpose", "triangular_solve",
    "truediv", "while", "xdivy", "xlog1py", "zero_fraction", "zeros", "zeros_like",
}  # fmt: skip
_FORWARD_OF = re.compile(r"^(.*?)_grad(?:_\d+)?(?:/|$)")


def is_gradient(name: str) -> bool:
    """Whether the op was made by automatic differentiation."""
    return _GRADIENT.match(name) is not None


def forward_name(name: str) -> str:
    """The forward op that a gradient op belongs to, by its name; the name itself for a forward op.

    `gradients/net/head/Log_grad/mul` gives `net/head/Log`. A gradient op that belongs to none (the sum of several
    gradients, `gradients/AddN`) keeps what follows the gradient scope.
    """
    if not is_gradient(name):
        return name
    inner = _GRADIENT.sub("", name)
    found = _FORWARD_OF.match(inner)
    return found.group(1) if found else inner


@dataclass(frozen=True)
class LayerNames:
    """Reads layers off op names.

    `known` are paths of layers (`encoder/dense`), `complete` says that there are no others. `roots` are scopes of the
    model as a whole. `counted` says that every layer's scope has a counter which the layer's name has not: Keras 3
    opens a layer's scope twice, to build and to call it, so that the ops of `dense` lie in `dense_1` and those of
    `dense_1` in `dense_1_2`. `prefix` is the model's own name where every variable's path starts with it; it is
    left out of layer paths.
    """

    known: frozenset[str]
    complete: bool
    containers: frozenset[str] = frozenset()
    roots: frozenset[str] = frozenset()
    prefix: str = ""
    counted: bool = False
    _cache: dict[str, str | None] = field(default_factory=dict, compare=False)

    def layer(self, name: str) -> str | None:
        """The layer of an op, None where it belongs to none."""
        if name not in self._cache:
            found = self._find(forward_name(name).split("/")[:-1])
            self._cache[name] = self._shown(found) if found else None
        return self._cache[name]

    def variable_layer(self, name: str) -> str | None:
        """The layer of a variable by its path (`net/encoder/dense/kernel` gives `encoder/dense`), None without one."""
        parts = name.split("/")[:-1]
        if self.complete:
            outside, inside = _walk(parts, self.known), _walk(parts[1:], self.known)
            return "/".join(inside if len(inside) > len(outside) else outside) or None
        return self._shown("/".join(parts))

    def _shown(self, path: str) -> str | None:
        if not self.prefix or (path != self.prefix and not path.startswith(f"{self.prefix}/")):
            return path or None
        return path[len(self.prefix) + 1 :] or None

    def _find(self, parts: list[str]) -> str | None:
        if not parts:
            return None
        starts = (1, 0) if parts[0] in self.roots else (0, 1)
        best: list[str] = []
        rest: list[str] = []
        for start in starts:
            matched = _walk(parts[start:], self.known, counted=self.counted)
            if len(matched) > len(best):
                best, rest = matched, parts[start + len(matched) :]
        if best:
            path = "/".join(best)
            if self.complete or path not in self.containers or not rest:
                return path
            return "/".join([*best, *self._guess(rest[:1])]) if _may_be_layer(rest[0]) else path
        if self.complete:
            return None
        rest = parts[1:] if parts[0] in self.roots else parts
        named = list(takewhile(_may_be_layer, rest))
        return "/".join(self._guess(named)) or None

    def _guess(self, parts: list[str]) -> list[str]:
        return [_COUNTER.sub("", part) for part in parts] if self.counted else parts


def layer_names(
    op_names: Iterable[str], layers: Iterable[str], variables: Iterable[str], root: str | None
) -> LayerNames:
    """Names for one traced step: `layers` as the artefact tells them (may be empty), `variables` by path."""
    told = set(layers)
    known: set[str] = told or _prefixes(name.rpartition("/")[0] for name in variables)
    parents = {path.rpartition("/")[0] for path in known}
    owners = {name.rpartition("/")[0] for name in variables}
    containers = frozenset(path for path in known if path in parents and path not in owners)
    names = [forward_name(name).split("/")[:-1] for name in op_names]
    counted = _is_counted(set(map(tuple, names)), known)
    roots: Counter[str] = Counter()
    for parts in filter(None, names):
        inside, outside = _walk(parts[1:], known, counted=counted), _walk(parts, known, counted=counted)
        deeper = len(inside) > len(outside)
        if deeper or (root and _COUNTER.sub("", parts[0]) in (root, _COUNTER.sub("", root))):
            roots[parts[0]] += 1
    first = {path.split("/")[0] for path in known}
    shared = first.pop() if len(first) == 1 and not told else ""
    around = {one for one in roots if _COUNTER.sub("", one) != shared}
    prefix = shared if shared in containers and not around else ""
    return LayerNames(frozenset(known), bool(told), containers, frozenset(roots), prefix, counted)


def _may_be_layer(part: str) -> bool:
    """Whether a scope can be a layer's: TensorFlow's own are capitalised op names and those that its functions open."""
    return bool(part) and not part[0].isupper() and _COUNTER.sub("", part) not in OP_SCOPES


def _prefixes(paths: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        parts = path.split("/")
        found.update("/".join(parts[: end + 1]) for end in range(len(parts)) if parts[end])
    return found


def _is_counted(scopes: Collection[tuple[str, ...]], known: set[str]) -> bool:
    """Whether layers' scopes have a counter that the layers' names have not: what the unambiguous ones say."""
    votes = 0
    for scope in scopes:
        for parts in (scope, scope[1:]):
            path: list[str] = []
            for part, name in zip(parts, _walk(list(parts), known), strict=False):
                whole, plain = "/".join([*path, part]), "/".join([*path, _COUNTER.sub("", part)])
                votes += plain in known and whole not in known
                votes -= whole in known and (plain == whole or plain not in known)
                path.append(name)
    return votes > 0


def _walk(parts: list[str], known: set[str] | frozenset[str], *, counted: bool = False) -> list[str]:
    """As much of the scope as names a known layer; its counter may be left out to match, and is where `counted`."""
    path: list[str] = []
    for part in parts:
        plain = _COUNTER.sub("", part)
        for candidate in (plain, part) if counted else (part, plain):
            if "/".join([*path, candidate]) in known:
                path.append(candidate)
                break
        else:
            break
    return path
