"""Capsules on disk."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts import Facts, History, OptimizerFacts, RunFacts, TripFacts
from nandoctor.finding import Tool
from nandoctor.probes.watch.capsule import (
    Capsule,
    Keeping,
    capsule_name,
    read_capsule,
    write_capsule,
    write_minimal_rows,
)
from nandoctor.probes.watch.capture import Fed, Held, StepCapture
from nandoctor.probes.watch.manifest import Manifest

FACTS = Facts(
    tool=Tool("nandoctor", "1.2.3", "2.21.0", "3.15.1", "3.11.9"),
    run=RunFacts(
        "train.py",
        3,
        (OptimizerFacts("Adam", 3, history=History(0, (1.5, 2.5, float("nan")), (0.1, 0.1, 0.1))),),
        TripFacts("loss", 2, epoch=0, batch=2),
    ),
)
CAPTURE = StepCapture(
    graph=b"not really a graph",
    fed=(
        Fed("x", "x:0", "input", np.array([[1.0, np.nan], [2.0, -0.0], [3.0, np.inf]], np.float32)),
        Fed("words", "words:0", "input", np.array([b"a", b"", b"\x00\xff"], object)),
        Fed("y", "y:0", "label", np.array([0, 1, 2], np.int64)),
        Fed("half", "half:0", "state", np.array([1.5, 2.5], ml_dtypes.bfloat16)),
        Fed("one", "one:0", "constant", np.array(7.0, np.float64)),
    ),
    held=(
        Held("dense/kernel", "handle:0", True, np.ones((2, 3), np.float32)),
        Held("seed", "seed:0", False, np.array([1, 2], np.uint32)),
    ),
    results=(("loss", "", "loss:0"), ("gradient", "dense/kernel", "gradients/dense_grad/MatMul:0")),
    terms=(("mse", "mse:0"),),
    lines={"loss": ("train.py", 5, "my_loss", "return tf.math.log(p)")},
    layers=("dense",),
    root="sequential",
)


def same(one: StepCapture, other: StepCapture) -> bool:
    """Whether two captures are equal, NaN to NaN and bit for bit."""

    def plain(capture: StepCapture) -> object:
        values = [value.value for value in (*capture.fed, *capture.held)]
        bits = [(v.dtype, v.shape, v.tolist() if v.dtype == object else v.tobytes()) for v in values]
        rest = [(value.name, value.tensor) for value in (*capture.fed, *capture.held)]
        return bits, rest, [value.role for value in capture.fed], replace(capture, fed=(), held=())

    return plain(one) == plain(other)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_capsule(tmp_path / "capsule", CAPTURE, FACTS)


def said(folder: Path) -> str:
    """The one line with which a capsule is refused."""
    with pytest.raises(NandoctorError) as caught:
        read_capsule(folder)
    assert caught.value.exit_code == UNEXAMINABLE
    assert "\n" not in caught.value.message
    return caught.value.message


def test_what_was_written_is_read_again(folder: Path) -> None:
    capsule = read_capsule(folder)
    assert same(capsule.capture, CAPTURE)
    assert repr(capsule.facts) == repr(FACTS)
    assert [one.part for one in capsule.left_out] == ["last-good.weights.h5"]
    assert datetime.fromisoformat(capsule.written).utcoffset() is not None


def test_nothing_of_a_capture_is_forgotten() -> None:
    kept = {field.name for field in fields(Manifest)} | {"graph"}
    assert {field.name for field in fields(StepCapture)} <= kept


def test_numpy_reads_the_batch_and_the_weights(folder: Path) -> None:
    batch = np.load(folder / "batch.npz", allow_pickle=False)
    assert batch["input_0"].tobytes() == CAPTURE.fed[0].value.tobytes()
    assert batch["label_0"].tolist() == [0, 1, 2]
    assert np.load(folder / "weights.npz")["variable_0"].shape == (2, 3)


@pytest.mark.parametrize(
    ("trip", "what"),
    [(TripFacts("loss", 231), "step-231"), (TripFacts("evaluation", 231, way="predict", batch=3), "predict-batch-3")],
)
def test_the_name_has_date_and_time_and_what_failed(trip: TripFacts, what: str) -> None:
    assert capsule_name(trip, datetime(2026, 11, 22, 9, 5, 1)) == f"2026-11-22T09-05-01-{what}"


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    first, second = (write_capsule(tmp_path / "deep" / "capsule", CAPTURE, FACTS) for _ in range(2))
    assert (first.name, second.name) == ("capsule", "capsule-2")
    assert str(second) in (second / "README.txt").read_text()
    assert same(read_capsule(second).capture, CAPTURE)


def test_the_readme_tells_the_step_and_the_commands(tmp_path: Path) -> None:
    keeping = Keeping(save_weights=lambda path: path.write_bytes(b"weights") and None, slots={"m": np.ones(3)})
    folder = write_capsule(tmp_path / "my capsule", CAPTURE, FACTS, keeping)
    text = (folder / "README.txt").read_text()
    assert "Not finite: loss, at step 2, epoch 0, batch 2" in text
    assert f"nandoctor replay '{folder}'" in text
    assert f"model.load_weights('{folder}/last-good.weights.h5')" in text
    assert np.load(folder / "optimizer.npz")["m"].tolist() == [1, 1, 1]


def test_without_good_weights_the_readme_says_why(tmp_path: Path) -> None:
    reason = "the update itself made the weights non-finite"
    folder = write_capsule(tmp_path / "capsule", CAPTURE, FACTS, Keeping(no_weights=reason))
    assert reason in (folder / "README.txt").read_text()
    assert not (folder / "last-good.weights.h5").exists()


def test_a_model_that_cannot_be_saved_leaves_the_capsule_whole(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise ValueError("a layer of mine has no name")

    folder = write_capsule(tmp_path / "capsule", CAPTURE, FACTS, Keeping(fail))
    assert "a layer of mine has no name" in read_capsule(folder).left_out[0].reason
    assert not (folder / "last-good.weights.h5").exists()


def test_the_minimal_rows_are_added_later(folder: Path) -> None:
    write_minimal_rows(folder, CAPTURE, [2, 0])
    rows = np.load(folder / "minimal-rows.npz", allow_pickle=False)
    assert rows["input_0"][:, 0].tolist() == [3.0, 1.0]
    assert rows["label_0"].tolist() == [2, 0]
    assert same(read_capsule(folder).capture, CAPTURE)


def test_above_the_limit_the_weights_go_before_the_batch(tmp_path: Path) -> None:
    big = replace(CAPTURE, held=(Held("big", "big:0", True, np.zeros(100_000)),))
    folder = write_capsule(tmp_path / "capsule", big, FACTS, Keeping(lambda path: None), limit=50_000)
    assert np.load(folder / "batch.npz")["label_0"].tolist() == [0, 1, 2]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 60_000
    text = (folder / "README.txt").read_text()
    assert "weights.npz" in text
    assert "--capsule-limit" in text
    assert "written without weights.npz: the capsule would be larger than 50,000 bytes" in said(folder)


def test_an_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NandoctorError, match="the capsule cannot be written: File exists"):
        write_capsule(tmp_path / "file" / "capsule", CAPTURE, FACTS)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the middle of weights.npz."""
    big = replace(CAPTURE, held=(Held("big", "big:0", True, np.zeros(100_000)),))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(NandoctorError, match="cannot be written: File too large"):
            write_capsule(tmp_path / "capsule", big, FACTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from nandoctor.facts import Facts
from nandoctor.finding import Tool
from nandoctor.probes.watch.capsule import Keeping, write_capsule
from nandoctor.probes.watch.capture import Fed, Held, StepCapture

def save(path):
    path.write_bytes(b"half of the weights")
    print("writing", flush=True)
    time.sleep(60)

capture = StepCapture(b"graph", (Fed("x", "x:0", "input", np.ones((2, 2))),), (), ())
wait = Keeping(save if "wait" in sys.argv else None)
print(write_capsule(Path(sys.argv[1]), capture, Facts(Tool("nandoctor", "1", None, None, "3")), wait), flush=True)
assert not {"tensorflow", "keras"} & set(sys.modules)
"""


def test_killed_in_mid_write_it_is_never_taken_for_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "capsule"), "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    assert not (tmp_path / "capsule").exists()
    assert "its writing was interrupted" in said(left)
    assert write_capsule(tmp_path / "capsule", CAPTURE, FACTS).name == "capsule-2"


def test_no_secret_of_the_environment_or_the_command_line_is_in_it(tmp_path: Path) -> None:
    environment = {**os.environ, "API_TOKEN": "planted-in-the-environment"}
    command = [sys.executable, "-c", WRITER, str(tmp_path / "capsule"), "--password=planted-argument"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    found = b"".join(path.read_bytes() for path in (tmp_path / "capsule").iterdir())
    assert b"planted" not in found


def test_a_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    assert "no capsule" in said(tmp_path / "nowhere")
    assert "no whole capsule" in said(tmp_path)


def test_a_capsule_of_another_version_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 99}))
    assert "of version 99" in said(folder)


@pytest.mark.parametrize("name", ["batch.npz", "manifest.json", "facts.json", "step.graphdef"])
def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).rename(tmp_path / "outside")
    (folder / name).symlink_to(tmp_path / "outside")
    assert "holds no links" in said(folder)


def test_a_pipe_in_the_place_of_a_file_does_not_hang(folder: Path) -> None:
    (folder / "facts.json").unlink()
    os.mkfifo(folder / "facts.json")
    assert "no regular file" in said(folder)


def tampered(folder: Path, name: str, content: bytes) -> Path:
    """The capsule with another file and a manifest that knows its digest."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["digests"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_pickled_arrays_are_never_loaded(folder: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "evil"),)

    objects = np.empty(1, object)
    objects[0] = Evil()
    np.savez(tmp_path / "evil.npz", input_0=objects, input_1=objects, label_0=objects)
    assert "cannot be read" in said(tampered(folder, "batch.npz", (tmp_path / "evil.npz").read_bytes()))
    assert not (tmp_path / "evil").exists()


def test_an_array_that_claims_to_be_huge_is_refused(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive, archive.open("variable_0.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    message = said(tampered(folder, "weights.npz", (tmp_path / "huge.npz").read_bytes()))
    assert "not as large as it says" in message


def test_packed_arrays_are_refused(folder: Path, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", variable_0=np.zeros(1000), variable_1=np.zeros(1000))
    assert "compressed" in said(tampered(folder, "weights.npz", (tmp_path / "bomb.npz").read_bytes()))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_capsule(tmp_path_factory.mktemp("whole") / "capsule", CAPTURE, FACTS)


def changed(whole: Path, name: str, place: float, flip: int, cut: bool) -> tuple[Path, bytes]:
    """A copy of the capsule, and one of its files with a byte changed, or cut off there."""
    content = bytearray((whole / name).read_bytes())
    index = min(int(place * len(content)), len(content) - 1)
    content[index] ^= flip
    copy = Path(tempfile.mkdtemp(dir=whole.parent)) / "capsule"
    shutil.copytree(whole, copy)
    return copy, bytes(content[:index] if cut else content)


def test_what_a_terminal_would_obey_is_not_handed_on(tmp_path: Path) -> None:
    code = 'print("\\x1b[31m \\u001b")  # \x1b[2J\x9b5m\ttab'
    capture = replace(CAPTURE, lines={"loss": ("train.py", 5, "f\x07", code)})
    facts = replace(FACTS, unavailable={"step": "\x1b]0;title\x07"})
    capsule = read_capsule(write_capsule(tmp_path / "capsule", capture, facts))
    _, _, function, read = capsule.capture.lines["loss"]
    assert function == "f\ufffd"
    assert read == 'print("\\x1b[31m \\u001b")  # \ufffd[2J\ufffd5m\ttab'
    assert capsule.facts.unavailable == {"step": "\ufffd]0;title\ufffd"}


NAMES = ["batch.npz", "weights.npz", "state.npz", "facts.json", "step.graphdef", "manifest.json"]


DAMAGE = given(name=st.sampled_from(NAMES), place=st.floats(0, 1), flip=st.integers(1, 255), cut=st.booleans())


@settings(max_examples=100)
@DAMAGE
def test_damaged_bytes_are_one_line(whole: Path, name: str, place: float, flip: int, cut: bool) -> None:
    folder, content = changed(whole, name, place, flip, cut)
    (folder / name).write_bytes(content)
    if name == "manifest.json":
        _read_or_refused(folder)
    else:
        assert "damaged" in said(folder)


@settings(max_examples=100)
@DAMAGE
def test_bytes_changed_on_purpose_are_one_line_or_no_harm(
    whole: Path, name: str, place: float, flip: int, cut: bool
) -> None:
    folder, content = changed(whole, name, place, flip, cut)
    _read_or_refused(folder if name == "manifest.json" else tampered(folder, name, content))


def _read_or_refused(folder: Path) -> None:
    told: list[str] = []
    try:
        capsule = read_capsule(folder)
    except NandoctorError as error:
        told = error.message.splitlines()
    else:
        assert isinstance(capsule, Capsule)
    assert len(told) <= 1
