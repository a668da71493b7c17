from __future__ import annotations

from nandoctor.facts import OptimizerFacts, RunFacts, TripFacts
from nandoctor.probes.watch.sentence import sentence

NEAREST = "nearest limit: layer out reaches 12, 2^124 below the largest float32"
ADAM = OptimizerFacts("Adam", 600)
GAN = (OptimizerFacts("Adam", 300, trains="generator"), OptimizerFacts("Adam", 300, trains="critic"))


def test_a_healthy_run() -> None:
    told = sentence(RunFacts("train.py", 600, (ADAM,), seconds=40.0), max_steps=None, nearest=NEAREST, spent=0.8)

    assert told == (
        f"600 steps of training watched; {NEAREST}; the watch took 0.8 s of 40.0 s (2.0%), its checks inside the "
        "steps not counted"
    )


def test_the_updates_of_each_of_several_optimizers_and_the_step_of_the_one_that_tripped() -> None:
    run = RunFacts("train.py", 600, GAN, TripFacts("loss", 300, optimizer=1), seconds=40.0)

    told = sentence(run, max_steps=None, nearest=None, spent=0.8)

    assert told.startswith(
        "600 updates of weights watched (300 by Adam for generator, 300 by Adam for critic), and stopped at step 300 "
        "of Adam for critic; "
    )


def test_two_optimizers_of_one_name_are_told_apart_and_one_on_two_replicas_is_one() -> None:
    two = RunFacts("train.py", 23, (OptimizerFacts("Adam", 12), OptimizerFacts("Adam", 11)), TripFacts("loss", 11))
    one = RunFacts("train.py", 12, (OptimizerFacts("Adam", 12), OptimizerFacts("Adam", 12)), TripFacts("loss", 11))

    told = [sentence(run, max_steps=None, nearest=None, spent=0.8) for run in (two, one)]

    assert told[0].startswith("23 updates of weights watched (12 by Adam, 11 by Adam), and stopped at step 11 of Adam;")
    assert told[1].startswith("12 steps of training watched, and stopped at step 11;")


def test_what_a_loss_scale_left_out() -> None:
    run = RunFacts("train.py", 600, (OptimizerFacts("Adam", 600, loss_scale=64.0, skipped=9),), seconds=40.0)

    told = sentence(run, max_steps=None, nearest=None, spent=0.8)

    assert told.startswith("600 steps of training watched, 9 of them left out by the loss scale; ")


def test_the_steps_that_were_asked_for() -> None:
    told = sentence(RunFacts("train.py", 20, (ADAM,), seconds=4.0), max_steps=20, nearest=None, spent=0.8)

    assert told.startswith("20 steps of training watched, and stopped there (--max-steps 20); ")


def test_an_evaluation_that_turned_non_finite_stops_no_training() -> None:
    trip = TripFacts("evaluation", 600, way="validation")
    told = sentence(RunFacts("train.py", 600, (ADAM,), trip, seconds=40.0), max_steps=None, nearest=None, spent=0.8)

    assert told.startswith("600 steps of training watched, and validation turned non-finite; the watch took ")
