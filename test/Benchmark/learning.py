#!/usr/bin/env python3
"""Trains the same networks here and in JAX, over paired seeds, and compares what they learn.

Both start from the same weights, with the same optimizer, rates, batches and epochs; only
the order of the examples is drawn by each itself. Data are the digits of scikit-learn,
Fashion-MNIST (the Debian package dataset-fashion-mnist) and JapaneseVowels (in the package
aeon), where they are installed. Prints accuracies on the test data, and the mean of the
paired differences with its bootstrap interval of 95 %; fails if ours is worse by more than
half a point.
"""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver, models  # noqa: E402
from Models.architectures.builder import Builder  # noqa: E402

from Benchmark import paired  # noqa: E402
from Benchmark.training import dense  # noqa: E402

FASHION = Path("/usr/share/datasets/fashion-mnist")
Arrays = tuple[np.ndarray, np.ndarray]
MOST_WORSE = 0.005


@dataclass(frozen=True)
class Task:
    """Data, a network for them, and how it is trained."""

    train: Arrays
    test: Arrays
    build: Callable[[int], onnx.ModelProto]  # from a seed
    epochs: int
    batch: int = 64
    rate: float = 0.001


def build(widths: tuple[int, ...], seed: int) -> onnx.ModelProto:
    """A perceptron."""
    b = Builder(free=True, seed=seed)
    x = b.input("x", ["N", widths[0]])
    for number, (inner, outer) in enumerate(itertools.pairwise(widths)):
        x = dense(b, x, f"dense{number}", inner, outer)
        if number + 2 < len(widths):
            x = b.node("Relu", x)
    b.output(x, "y")
    return b.finish()


def build_recurrent(
    steps: int, features: int, hidden: int, classes: int, seed: int
) -> onnx.ModelProto:
    """A GRU whose last state says the class."""
    b = Builder(free=True, seed=seed)
    x = b.input("x", ["N", steps, features])
    shapes = {"w": (3 * hidden, features), "r": (3 * hidden, hidden), "b": (6 * hidden,)}
    weights = [b.weight(f"gru.{n}", 1, *shape, scale=0.1) for n, shape in shapes.items()]
    first = b.node("Transpose", x, perm=[1, 0, 2])
    _, last = b.node("GRU", first, *weights, outputs=2, hidden_size=hidden, linear_before_reset=1)
    b.output(dense(b, b.reshape(last, -1, hidden), "dense0", hidden, classes), "y")
    return b.finish()


def load_digits(epochs: int) -> Task:
    from sklearn import datasets  # noqa: PLC0415

    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x, y = (images[order] / 16).astype(np.float32), labels[order]
    return Task(
        (x[:1347], y[:1347]),
        (x[1347:], y[1347:]),
        partial(build, (64, 64, 64, 10)),
        epochs,
    )


def load_fashion(epochs: int) -> Task:
    def read(kind: str) -> Arrays:
        (images,) = FASHION.rglob(f"{kind}-images-idx3-ubyte.gz")
        (labels,) = FASHION.rglob(f"{kind}-labels-idx1-ubyte.gz")
        x = np.frombuffer(gzip.decompress(images.read_bytes()), np.uint8, offset=16)
        y = np.frombuffer(gzip.decompress(labels.read_bytes()), np.uint8, offset=8)
        return x.reshape(-1, 784).astype(np.float32) / 255, y.astype(np.int64)

    return Task(read("train"), read("t10k"), partial(build, (784, 128, 64, 10)), epochs)


def load_vowels(epochs: int) -> Task:
    """Sequences of 12 features, led by zeros to the length of the longest."""
    package = importlib.util.find_spec("aeon")
    if package is None or package.origin is None:
        raise FileNotFoundError("the package aeon is not installed")
    folder = Path(package.origin).parent / "datasets" / "data" / "JapaneseVowels"

    def read(kind: str, steps: int = 29) -> Arrays:
        lines = (folder / f"JapaneseVowels_{kind}.ts").read_text().splitlines()
        rows = [line.split(":") for line in lines if line and line[0] not in "@#"]
        x = np.zeros((len(rows), steps, 12), np.float32)
        for i, row in enumerate(rows):
            values = np.array([feature.split(",") for feature in row[:-1]], np.float32).T
            x[i, steps - len(values) :] = values
        return x, np.array([int(row[-1]) - 1 for row in rows])

    network = partial(build_recurrent, 29, 12, 64, 9)
    return Task(read("TRAIN"), read("TEST"), network, epochs, batch=16, rate=0.003)


TASKS = {"digits": (load_digits, 30), "fashion": (load_fashion, 4), "vowels": (load_vowels, 40)}

# Trains one of these in JAX from the weights of an archive; prints its accuracy.
PEER = """
import sys
import jax, jax.numpy as jnp, numpy as np
data, epochs, seed, batch, rate = np.load(sys.argv[1]), *map(int, sys.argv[2:5]), float(sys.argv[5])
layers = sum(name.endswith(".weight") for name in data.files)
names = [f"dense{i}" for i in range(layers)]
gates = [f"gru.{n}" for n in "wrb" if f"gru.{n}" in data.files]
p = [tuple(jnp.asarray(data[f"{n}.{kind}"]) for kind in ("weight", "bias")) for n in names]
p = (p, [jnp.asarray(data[name])[0] for name in gates])
def read(gates, x):
    w, r, b = gates
    start, end = jnp.split(b, 2)
    def step(h, row):
        xz, xr, xn = jnp.split(row @ w.T + start, 3, -1)
        hz, hr, hn = jnp.split(h @ r.T + end, 3, -1)
        z = jax.nn.sigmoid(xz + hz)
        return (1 - z) * jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn) + z * h, None
    h = jnp.zeros((x.shape[0], r.shape[1]))
    return jax.lax.scan(step, h, jnp.swapaxes(x, 0, 1))[0]
def forward(p, x):
    layers, gates = p
    if gates:
        x = read(gates, x)
    for w, b in layers[:-1]:
        x = jax.nn.relu(x @ w.T + b)
    return x @ layers[-1][0].T + layers[-1][1]
def loss(p, x, y):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(forward(p, x)), y[:, None], 1))
@jax.jit
def step(p, m, v, t, x, y):
    g = jax.grad(loss)(p, x, y)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    def move(p, m, v):
        return p - rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return jax.tree.map(move, p, m, v), m, v
m = v = jax.tree.map(jnp.zeros_like, p)
random, t, x, y = np.random.default_rng(seed), 0, data["x"], data["labels"]
for _ in range(epochs):
    order = random.permutation(len(y))
    for i in range(0, len(y) - batch + 1, batch):
        t += 1
        p, m, v = step(p, m, v, float(t), x[order[i : i + batch]], y[order[i : i + batch]])
print(float((forward(p, data["test_x"]).argmax(1) == data["test_labels"]).mean()))
"""


def compare(neuroplast: Path, task: Task, seed: int, folder: Path) -> tuple[float, float]:
    """The accuracies of ours and of JAX's, of one seed."""
    model, trained, data, all_data = (
        folder / name for name in ("m.onnx", "t.onnx", "d.npz", "all.npz")
    )
    network = task.build(seed)
    onnx.save(network, model)
    arrays = {"x": task.train[0], "labels": task.train[1]}
    driver.save(data, arrays)
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", trained, "--optimizer", "adam",
        "--lr", str(task.rate), "--epochs", str(task.epochs), "--batch", str(task.batch),
        "--seed", str(seed),
    )  # fmt: skip
    outputs = models.session(trained).run(None, {"x": task.test[0]})[0]
    ours = float((outputs.argmax(axis=1) == task.test[1]).mean())
    weights = {t.name: numpy_helper.to_array(t) for t in network.graph.initializer}
    np.savez(all_data, **arrays, **weights, test_x=task.test[0], test_labels=task.test[1])
    command = [sys.executable, "-c", PEER, all_data, task.epochs, seed, task.batch, task.rate]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return ours, float(done.stdout)


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("names", nargs="*", default=list(TASKS), metavar="TASK")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    failed = 0
    print("| data | ours % | JAX % | difference, 95 % interval |\n|---|---|---|---|")
    for name in arguments.names:
        load, epochs = TASKS[name]
        task = load(epochs)
        with tempfile.TemporaryDirectory() as folder:
            pairs = np.array(
                [compare(neuroplast, task, s, Path(folder)) for s in range(arguments.seeds)]
            )
        differences = pairs[:, 0] - pairs[:, 1]
        ours, theirs = pairs.mean(axis=0) * 100
        print(
            f"| {name} | {ours:.2f} | {theirs:.2f} | {paired.describe(differences)} |", flush=True
        )
        failed += differences.mean() < -MOST_WORSE
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
