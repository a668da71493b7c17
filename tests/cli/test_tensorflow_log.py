from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nandoctor.cli.tensorflow_log import is_log_line

CHATTER = b"""\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795329578.150460    4817 port.cc:153] oneDNN custom operations are on.
E0000 00:00:1795329584.154155    4817 cuda_platform.cc:52] failed call to cuInit
2024-01-01 10:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:182] This TensorFlow binary
To enable the following instructions: AVX2 AVX512F, in other operations, rebuild TensorFlow
"""
CRASH = b"F0000 00:00:1795329578.150460    4817 tensor.cc:100] Check failed: size >= 0\n"


@pytest.mark.parametrize("line", CHATTER.splitlines())
def test_log_lines_are_recognized(line: bytes) -> None:
    assert is_log_line(line)


@pytest.mark.parametrize(
    "line", [CRASH, b"nandoctor: no such file", b"Fatal Python error: Segmentation fault", b"INFO", b""]
)
def test_everything_else_is_passed_on(line: bytes) -> None:
    assert not is_log_line(line)


def stderr_of(program: str, **environment: str) -> bytes:
    program = f"import os, sys\nfrom nandoctor.cli.tensorflow_log import quiet_tensorflow\n{program}"
    inherited = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", program, CHATTER.decode(), CRASH.decode()]
    return subprocess.run(command, stderr=subprocess.PIPE, check=False, env={**inherited, **environment}).stderr


def test_the_log_is_dropped_and_our_own_lines_are_not() -> None:
    told = stderr_of(
        """
with quiet_tensorflow():
    os.write(2, sys.argv[1].encode())
    os.write(2, b"a library's words\\n")
    print("ours", file=sys.stderr)
os.write(2, b"afterwards\\n")
print("ours afterwards", file=sys.stderr)
"""
    )

    assert sorted(told.splitlines()) == [b"a library's words", b"afterwards", b"ours", b"ours afterwards"]


def test_the_last_words_of_a_crash_are_seen() -> None:
    told = stderr_of("with quiet_tensorflow():\n    os.write(2, sys.argv[2].encode())\n    os.abort()")

    assert CRASH in told


def test_a_user_who_sets_the_log_level_sees_the_log() -> None:
    program = "with quiet_tensorflow():\n    os.write(2, sys.argv[1].encode())"

    assert stderr_of(program, TF_CPP_MIN_LOG_LEVEL="0") == CHATTER


@pytest.mark.tensorflow
def test_tensorflow_loads_in_silence() -> None:
    program = """
with quiet_tensorflow():
    import tensorflow as tf
    tf.config.list_physical_devices()
    tf.function(lambda x: x @ x)(tf.ones((2, 2)))
"""
    assert stderr_of(program) == b""
