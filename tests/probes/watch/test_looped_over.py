from __future__ import annotations

from nandoctor.probes.watch.looped_over import LoopedOver


class Data:
    """Something that can be held weakly, as a tf.data set."""


def test_the_last_loops_come_first_and_each_set_once() -> None:
    sets = [Data() for _ in range(6)]
    loops = LoopedOver()
    for one in (*sets, sets[2]):
        loops.begun(one)

    assert loops.datasets == [sets[2], sets[5], sets[4], sets[3]]


def test_a_set_that_nobody_holds_is_forgotten() -> None:
    loops, kept = LoopedOver(), Data()
    loops.begun(kept)
    loops.begun(Data())

    assert loops.datasets == [kept]
