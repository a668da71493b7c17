"""A notebook, executed by a real kernel: what its cells show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

CELLS = {
    "imports": """
%load_ext nandoctor
import keras
import numpy as np
import tensorflow as tf
import nandoctor

x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
y = np.abs(x[:, :1])

class Logarithm(keras.layers.Layer):
    def call(self, inputs):
        return tf.math.log(tf.abs(inputs) - 0.01)

def build(*layers):
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

def train(model, **options):
    return model.fit(x, y, batch_size=16, verbose=0, shuffle=False, **options)
""",
    "sick": """
%%nandoctor
model = build(Logarithm())
train(model)
reached = True
""",
    "sick, written in the cell": """
%%nandoctor --on-trip skip --fail-on never
def loss(labels, predictions):

    return tf.reduce_mean(tf.sqrt(labels - predictions))
model = build()
model.compile("sgd", loss)
train(model);
""",
    "frame": """
_.to_frame()[["rule", "cause", "file", "line", "code"]]
""",
    "healthy": """
%%nandoctor --max-steps 4
model = build()
history = train(model)
never = True
""",
    "values": """
print("reached" in globals(), "never" in globals(), type(model).__name__)
""",
    "a value": """
%%nandoctor
6 * 7
""",
    "error": """
%%nandoctor
half = 1
half / 0
""",
    "wrong option": """
%%nandoctor --on-trip go
half = 2
""",
    "watch": """
with nandoctor.watch():
    train(build(Logarithm()))
""",
    "callback": """
train(build(Logarithm()), callbacks=[nandoctor.Watch()])
""",
    "check_data": """
nandoctor.check_data("houses.npz", target="y")
""",
    "scan": """
nandoctor.scan(build(Logarithm()), x, labels=y)
""",
    "nothing to scan": """
nandoctor.scan(build(), "nowhere.npz")
""",
    "print": """
print(nandoctor.scan(build(), x, labels=y))
""",
}

Outputs = Mapping[str, list[Any]]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What the cells give, by their names here; standard error left out, where TensorFlow tells of the machine."""
    folder = tmp_path_factory.mktemp("notebook")
    x = np.random.default_rng(0).normal(size=(96, 4))
    x[7, 2] = np.nan
    np.savez(folder / "houses.npz", x=x, y=x[:, 0])
    cells = [nbformat.v4.new_code_cell(text.strip()) for text in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        notebook, timeout=300, allow_errors=True, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    shown = [[one for one in cell.outputs if one.get("name") != "stderr"] for cell in notebook.cells]
    assert not [one for one in shown[0] if one.output_type == "error"]
    return dict(zip(CELLS, shown, strict=True))


def number(cell: str) -> str:
    """How IPython calls a cell."""
    return f"Cell In[{list(CELLS).index(cell) + 1}]"


@pytest.mark.parametrize("cell", ["sick", "watch", "callback"])
def test_a_trip_shows_the_report_once_and_no_traceback(outputs: Outputs, cell: str) -> None:
    page, error = outputs[cell]

    assert page.data["text/html"].startswith('<div class="nandoctor">')
    assert "log-of-negative" in page.data["text/html"]
    assert "Verdict: sick (1 error)" in page.data["text/plain"]
    assert error.traceback == ["TrainingError: sick (1 error): ND202 log-of-negative"]
    assert "Verdict: sick (1 error)" in error.evalue


@pytest.mark.parametrize("cell", ["sick", "watch", "callback", "scan"])
def test_the_line_of_another_cell_is_told(outputs: Outputs, cell: str) -> None:
    assert f"{number('imports')}:12" in outputs[cell][0].data["text/html"]
    assert f"{number('imports')}:12 in call" in outputs[cell][0].data["text/plain"]
    assert "tf.math.log(tf.abs(inputs)" in outputs[cell][0].data["text/plain"]


def test_the_line_of_the_cell_itself_counts_its_first_line(outputs: Outputs) -> None:
    (shown,) = [one for one in outputs["sick, written in the cell"] if "text/html" in one.data]

    assert "invalid-domain" in shown.data["text/html"]
    assert f"{number('sick, written in the cell')}:4" in shown.data["text/html"]


def test_the_report_is_what_the_cell_gives(outputs: Outputs) -> None:
    (frame,) = outputs["frame"]

    assert f"<td>{number('sick, written in the cell')}</td>" in frame.data["text/html"]
    assert "<td>return tf.reduce_mean(tf.sqrt(labels - predict...</td>" in frame.data["text/html"]


def test_a_healthy_cell_shows_what_was_watched(outputs: Outputs) -> None:
    (shown,) = outputs["healthy"]

    assert "4 steps watched, nothing tripped" in shown.data["text/html"]
    assert "Verdict: healthy" in shown.data["text/plain"]


def test_what_the_cell_made_is_there_afterwards_and_what_it_did_not_reach_is_not(outputs: Outputs) -> None:
    assert outputs["values"][0].text == "False False Sequential\n"


def test_the_value_of_the_cell_is_shown_too(outputs: Outputs) -> None:
    value, report = outputs["a value"]

    assert value.data == {"text/plain": "42"}
    assert "Nothing was watched: no optimizer updated any weights." in report.data["text/plain"]


def test_an_error_of_the_cell_is_shown_as_usual(outputs: Outputs) -> None:
    (error,) = outputs["error"]

    assert (error.ename, error.evalue) == ("ZeroDivisionError", "division by zero")
    assert "notebook.py" not in "".join(error.traceback)


def test_a_wrong_option_runs_nothing(outputs: Outputs) -> None:
    assert outputs["wrong option"] == []


def test_check_data_shows_its_report(outputs: Outputs) -> None:
    (shown,) = outputs["check_data"]

    assert "nan-in-data" in shown.data["text/html"]
    assert "houses.npz" in shown.data["text/plain"]


def test_what_cannot_be_examined_is_told_in_a_line(outputs: Outputs) -> None:
    (error,) = outputs["nothing to scan"]

    assert error.traceback == ["NandoctorError: nowhere.npz: there is no such file"]


def test_printed_it_is_the_table(outputs: Outputs) -> None:
    assert "\nVerdict: healthy (no findings)\n" in outputs["print"][0].text
