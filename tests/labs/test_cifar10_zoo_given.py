"""What the lab cifar10_zoo gives: the tape, the networks' base class, and what stands in for TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.publishing.skeleton import generate

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "labs" / "cifar10_zoo"
REFERENCE = ROOT / "reference" / "cifar10_zoo"
DEADLINE_S = 120
BEGIN = f"""
import sys
sys.path[:0] = [{str(REFERENCE)!r}, {str(LAB)!r}]
import numpy as np
import layers, nets, tape
from model import Model, ModelCheckpoint
x = np.random.default_rng(1).random((6, 32, 32, 3), np.float32)
y = np.arange(6)[:, None]
"""


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a program over the reference in a process of its own, in ``folder``."""
    return subprocess.run(
        [sys.executable, "-B", "-c", BEGIN + text],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def printed(folder: Path, text: str) -> str:
    """Run a program that must come through; return what it printed."""
    done = run(folder, text)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["layers.py", "nets.py"])
def test_committed_skeleton_is_what_the_generator_makes(name):
    """The lab's skeleton is generated from the reference and from nothing else."""
    source = (REFERENCE / name).read_text(encoding="utf-8")
    assert (LAB / name).read_text(encoding="utf-8") == generate(source, name)


def test_a_tensor_and_a_layer_used_twice_get_the_sum_of_both_gradients(tmp_path):
    """For y = (x W) W + x W the gradients are those of the formula."""
    text = """
dense = layers.Dense(3, use_bias=False)
tapes = tape.Tape()
a = np.random.default_rng(2).standard_normal((4, 3))
t = tapes.watch(a)
dense(t)
w = np.random.default_rng(3).standard_normal((3, 3))
dense.kernel.assign(w)
h = dense(t)
out = dense(h) + h
g = np.random.default_rng(4).standard_normal((4, 3))
dx = tapes.backward(out, g)
dh = g @ w.T + g
print(np.allclose(dx, dh @ w.T), np.allclose(dense.kernel.gradient, a.T @ dh + (a @ w).T @ g))
"""
    assert printed(tmp_path, text).split() == ["True", "True"]


def test_a_numpy_function_between_layers_is_an_error(tmp_path):
    """The message says what may be used instead."""
    done = run(tmp_path, "t = tape.Tape().watch(x)\nnp.concatenate([t, t])\n")
    assert done.returncode != 0 and "`+` and `concat` only" in done.stderr


def test_summary_prints_the_totals_as_keras_does(tmp_path):
    """All three totals of Baseline, and a line for each layer."""
    lines = printed(tmp_path, "nets.Baseline().summary()").splitlines()
    assert lines[-3:] == ["Total params: 198,506", "Trainable params: 198,494", "Non-trainable params: 12"]
    assert any("conv2d (Conv2D)" in line and "(None, 32, 32, 6)" in line and line.endswith("456") for line in lines)


@pytest.mark.parametrize(
    ("net", "parameters", "work"),
    [("Baseline()", 198_506, 658_688), ("Inception10(2, 10)", 121_418, 12_240_128), ("LeNet5()", 62_006, 651_720)],
)
def test_costs_add_up_to_the_published_counts(net, parameters, work, tmp_path):
    """Parameters and multiply-adds of all layers are those of the network; the shares of the time are all of it."""
    lines = printed(tmp_path, f"nets.{net}.costs()").splitlines()
    rows = [line[54:].split() for line in lines[2:]]
    numbers = [[int(cell.replace(",", "")) for cell in row[:2]] for row in rows]
    assert numbers[-1] == [parameters, work]
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == [parameters, work]
    assert sum(float(row[3].rstrip("%")) for row in rows[:-1]) == pytest.approx(100, abs=0.05 * len(rows))


def test_weights_are_written_with_every_number(tmp_path):
    """Name, shape and values of each trainable variable, none left out for length."""
    text = """
net = nets.LeNet5()
net.build()
net.write_weights("weights.txt")
print(sum(v.value.size for v in net.trainable_variables))
"""
    count = int(printed(tmp_path, text))
    written = (tmp_path / "weights.txt").read_text()
    assert written.startswith("conv2d/kernel:0\n(5, 5, 3, 6)\n") and "..." not in written
    numbers = [word for line in written.splitlines() if "/" not in line and "(" not in line
               for word in line.replace("[", " ").replace("]", " ").split()]  # fmt: skip
    assert len(numbers) == count == 62006


def test_fit_keeps_the_best_weights_and_a_history(tmp_path):
    """A value for each epoch under Keras' names; the checkpoint is there and loads into a new network."""
    text = """
tape.set_seed(5)
net = nets.Baseline()
net.compile(optimizer="adam", loss=layers.SparseCategoricalCrossentropy(from_logits=False),
            metrics=["sparse_categorical_accuracy"])
keeper = ModelCheckpoint("checkpoint/Baseline.ckpt", save_weights_only=True, save_best_only=True)
history = net.fit(x, y, batch_size=4, epochs=3, validation_data=(x, y), callbacks=[keeper], verbose=0).history
print(sorted(history), [len(values) for values in history.values()])
again = nets.Baseline()
again.load_weights("checkpoint/Baseline.ckpt")
print(keeper.best == min(history["val_loss"]))
net.load_weights("checkpoint/Baseline.ckpt")
print(np.array_equal(again.predict(x), net.predict(x)))
nets.LeNet5().load_weights("checkpoint/Baseline.ckpt")
"""
    done = run(tmp_path, text)
    names = "['loss', 'sparse_categorical_accuracy', 'val_loss', 'val_sparse_categorical_accuracy'] [3, 3, 3, 3]"
    assert done.stdout.splitlines() == [names, "True", "True"]
    assert "the weights of another network than LeNet5" in done.stderr
    assert (tmp_path / "checkpoint" / "Baseline.ckpt.index").is_file()


def test_first_weights_are_even_between_glorots_bounds(tmp_path):
    """For a 5 x 5 kernel from 3 to 6 channels: sqrt(6 / (75 + 150)), and as wide spread as even numbers are."""
    text = """
layer = layers.Conv2D(6, 5)
layer.build((1, 8, 8, 3))
w = np.concatenate([layer.kernel.value.ravel() for _ in range(40) if not layer.build((1, 8, 8, 3))])
print(np.abs(w).max(), w.std(), np.abs(layer.bias.value).max())
"""
    largest, spread, bias = map(float, printed(tmp_path, text).split())
    limit = (6 / (75 + 150)) ** 0.5
    assert 0.99 * limit < largest <= limit * (1 + 1e-6)
    assert spread == pytest.approx(limit / 3**0.5, rel=0.02)
    assert bias == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tf.nn", "tf.nn is not in this lab"),
        ("tf.keras.layers.LSTM(3)", "tf.keras.layers.LSTM is not in this lab"),
        (
            "from tensorflow.keras.layers import DepthwiseConv2D",
            "tf.keras.layers.DepthwiseConv2D is not in this lab",
        ),
        ("import tensorflow.keras.backend", "tf.keras.backend is not in this lab"),
        (
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator",
            "tf.keras.preprocessing is not in this lab",
        ),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        (
            "del layers.Dense\ntf.keras.layers.Dense(3)",
            "stands for `Dense` of layers.py, which has nothing of that name",
        ),
    ],
)
def test_what_the_stand_in_lacks_is_named(line, words, tmp_path):
    """The error names what was asked for; a layer that is not written yet is another message."""
    done = run(tmp_path, f"import tensorflow as tf\n{line}\n")
    assert done.returncode != 0 and words in done.stderr


def test_a_regularizer_is_taken_and_changes_nothing(tmp_path):
    """As public scripts write the last layer of ResNet18; the loss of the first step is that without one."""
    text = """
from tensorflow.keras.layers import Dense
from tensorflow.keras.regularizers import l2
outputs = []
for more in ({}, {"kernel_regularizer": l2(1e-2)}):
    tape.set_seed(1)
    outputs.append(Dense(10, activation="softmax", **more)(np.ones((2, 3), np.float32)))
print(np.array_equal(*outputs))
"""
    assert printed(tmp_path, text) == "True\n"


def test_the_stand_ins_names_are_the_submissions_own(tmp_path):
    """Layers, networks, loss, optimiser and concat are the very objects; the pictures are the lab's."""
    text = """
import tensorflow as tf
from tensorflow.keras import Model as KerasModel
from tensorflow.keras.layers import Conv2D, GlobalAveragePooling2D
pairs = [(Conv2D, layers.Conv2D), (tf.concat, layers.concat), (KerasModel, Model),
         (tf.keras.models.Sequential, layers.Sequential), (tf.keras.optimizers.Adam, layers.Adam),
         (GlobalAveragePooling2D, layers.GlobalAveragePooling2D)]
print(all(a is b for a, b in pairs))
(x_train, y_train), (x_test, y_test) = tf.keras.datasets.cifar10.load_data()
print(x_train.shape, y_train.shape, x_test.shape, x_train[0, 0, 0].tolist(), y_train[0])
"""
    assert printed(tmp_path, text).splitlines() == [
        "True",
        "(1000, 32, 32, 3) (1000, 1) (200, 32, 32, 3) [59, 62, 63] [6]",
    ]


def test_the_handouts_program_runs(tmp_path):
    """As it stands in section 9, for one epoch: the summary is printed, the weights are written."""
    text = (LAB / "README.md").read_text(encoding="utf-8")
    program = text.split("```python\n")[1].split("```")[0]
    assert program.count("epochs=5") == 1
    lines = printed(tmp_path, program.replace("epochs=5", "epochs=1")).splitlines()
    assert "Total params: 198,506" in lines
    assert (tmp_path / "weights.txt").read_text().startswith("conv2d/kernel:0\n(5, 5, 3, 6)\n")
