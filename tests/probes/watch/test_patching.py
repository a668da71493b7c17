from __future__ import annotations

import functools
from collections.abc import Callable

from nandoctor.probes.watch.patching import wrapped_within


def plus_one(inner: Callable[[int], int]) -> Callable[[int], int]:
    return lambda value: inner(value) + 1


def test_who_has_looked_a_decorated_method_up_before_calls_what_was_put_within_it() -> None:
    def decorated(method: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(method)
        def call(*args: int) -> int:
            return method(*args)

        return call

    class Model:
        @decorated
        def fit(self, value: int) -> int:
            return value

    before = Model().fit

    assert wrapped_within(Model.fit, lambda plain: lambda self, value: plain(self, value) + 1)
    assert (before(1), Model().fit(1)) == (2, 2)


def test_a_function_that_calls_no_other_is_left_alone() -> None:
    def fit(value: int) -> int:
        return value

    assert not wrapped_within(fit, plus_one)
    assert fit(1) == 1
