#!/usr/bin/env python3
"""Prints the time of a step of training (forward, backward, update) beside JAX's.

Both train the same architecture by plain gradient descent on the same random examples,
each on as many pinned cores as threads, rounds of both interleaved, medians. JAX is no
package of the project: where it is not installed, ours is timed alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver  # noqa: E402
from Models.architectures.builder import Builder  # noqa: E402

from Benchmark import latency  # noqa: E402

CLASSES = 10


@dataclass(frozen=True)
class Network:
    """An architecture that several frameworks can train."""

    shape: tuple[int, ...]  # of an example
    build: Callable[[Builder, str], str]


def dense(b: Builder, x: str, name: str, inner: int, outer: int) -> str:
    weight = b.weight(f"{name}.weight", outer, inner)
    return b.node("Gemm", x, weight, b.weight(f"{name}.bias", outer), transB=1)


def mlp(b: Builder, x: str) -> str:
    for number, (inner, outer) in enumerate([(784, 512), (512, 512)]):
        x = b.node("Relu", dense(b, x, f"dense{number}", inner, outer))
    return dense(b, x, "head", 512, CLASSES)


def cnn(b: Builder, x: str) -> str:
    x = b.node("Relu", b.conv(x, "conv0", 1, 32, 3, pads=[0] * 4))
    x = b.node("Relu", b.conv(x, "conv1", 32, 64, 3, pads=[0] * 4))
    x = b.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    return dense(b, b.node("Flatten", x), "head", 64 * 12 * 12, CLASSES)


def resnet20(b: Builder, x: str) -> str:
    """For images of 32 x 32, as He et al. trained it (2015)."""

    def layer(x: str, name: str, inner: int, outer: int, kernel: int, stride: int) -> str:
        x = b.conv(x, f"{name}.conv", inner, outer, kernel, bias=False, strides=[stride] * 2)
        return b.batch_norm(x, f"{name}.norm", outer)

    x, inner = b.node("Relu", layer(x, "stem", 3, 16, 3, 1)), 16
    for stage, outer in enumerate([16, 32, 64]):
        for block in range(3):
            name, stride = f"{stage}.{block}", 2 if stage and not block else 1
            y = b.node("Relu", layer(x, f"{name}.a", inner, outer, 3, stride))
            y = layer(y, f"{name}.b", outer, outer, 3, 1)
            if inner != outer:
                x = layer(x, f"{name}.skip", inner, outer, 1, stride)
            x, inner = b.node("Relu", b.node("Add", x, y)), outer
    x = b.node("Flatten", b.node("GlobalAveragePool", x))
    return dense(b, x, "head", 64, CLASSES)


def gru(b: Builder, x: str) -> str:
    """Reads 64 steps of 24 features; the last state says the class."""
    hidden, features = 128, 24
    weights = [
        b.weight("gru.w", 1, 3 * hidden, features, scale=0.1),
        b.weight("gru.r", 1, 3 * hidden, hidden, scale=0.08),
        b.weight("gru.b", 1, 6 * hidden, scale=0.1),
    ]
    steps_first = b.node("Transpose", x, perm=[1, 0, 2])
    _, last = b.node(
        "GRU", steps_first, *weights, outputs=2, hidden_size=hidden, linear_before_reset=1
    )
    return dense(b, b.reshape(last, -1, hidden), "head", hidden, CLASSES)


NETWORKS = {
    "mlp": Network((784,), mlp),
    "cnn": Network((1, 28, 28), cnn),
    "resnet20": Network((3, 32, 32), resnet20),
    "gru": Network((64, 24), gru),
}

# Trains one of these in JAX; prints the milliseconds of a step.
PEER = """
import json, statistics, sys, time
import jax, jax.numpy as jnp, numpy as np
from jax import lax
name, batch, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
def weight(*shape):
    return jnp.asarray(random.normal(size=shape, scale=0.05), jnp.float32)
def dense(p, x, i):
    return x @ p[f"w{i}"] + p[f"b{i}"]
def conv(p, x, i):
    axes = ("NHWC", "HWIO", "NHWC")
    y = lax.conv_general_dilated(x, p[f"w{i}"], (1, 1), "VALID", dimension_numbers=axes)
    return y + p[f"b{i}"]
def mlp(p, x):
    return dense(p, jax.nn.relu(dense(p, jax.nn.relu(dense(p, x, 0)), 1)), 2)
def cnn(p, x):
    x = jax.nn.relu(conv(p, jax.nn.relu(conv(p, x, 0)), 1))
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return dense(p, x.reshape(x.shape[0], -1), 2)
def norm(p, x, i):
    mean = x.mean((0, 1, 2))
    variance = ((x - mean) ** 2).mean((0, 1, 2))
    return (x - mean) * lax.rsqrt(variance + 1e-5) * p[f"s{i}"] + p[f"b{i}"]
def layer(p, x, i, stride):
    axes = ("NHWC", "HWIO", "NHWC")
    pad = [(p[f"w{i}"].shape[0] // 2,) * 2] * 2
    y = lax.conv_general_dilated(x, p[f"w{i}"], (stride, stride), pad, dimension_numbers=axes)
    return norm(p, y, i)
def resnet20(p, x):
    x, i = jax.nn.relu(layer(p, x, 0, 1)), 1
    for stage in range(3):
        for block in range(3):
            stride = 2 if stage and not block else 1
            y = layer(p, jax.nn.relu(layer(p, x, i, stride)), i + 1, 1)
            i += 2
            if stride == 2:
                x = layer(p, x, i, 2)
                i += 1
            x = jax.nn.relu(x + y)
    return dense(p, x.mean((1, 2)), i)
def get_shapes():
    shapes, inner = [(3, 3, 3, 16)], 16
    for stage, outer in enumerate([16, 32, 64]):
        for block in range(3):
            shapes += [(3, 3, inner, outer), (3, 3, outer, outer)]
            if stage and not block:
                shapes.append((1, 1, inner, outer))
            inner = outer
    return shapes + [(64, 10)]
def gru(p, x):
    projected = jnp.swapaxes(x, 0, 1) @ p["w0"] + p["b0"]
    def step(h, row):
        product = h @ p["w1"] + p["b1"]
        xz, xr, xn = jnp.split(row, 3, -1)
        hz, hr, hn = jnp.split(product, 3, -1)
        z = jax.nn.sigmoid(xz + hz)
        n = jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn)
        return (1 - z) * n + z * h, None
    last, _ = lax.scan(step, jnp.zeros((x.shape[0], 128)), projected)
    return dense(p, last, 2)
forward, shapes, shape = {
    "mlp": (mlp, [(784, 512), (512, 512), (512, 10)], (784,)),
    "cnn": (cnn, [(3, 3, 1, 32), (3, 3, 32, 64), (64 * 12 * 12, 10)], (28, 28, 1)),
    "resnet20": (resnet20, get_shapes(), (32, 32, 3)),
    "gru": (gru, [(24, 384), (128, 384), (128, 10)], (64, 24)),
}[name]
params = {f"w{i}": weight(*s) for i, s in enumerate(shapes)}
params |= {f"{n}{i}": weight(s[-1]) for i, s in enumerate(shapes) for n in "bs"}
def loss(p, x, y):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(forward(p, x)), y[:, None], 1))
@jax.jit
def step(p, x, y):
    value, gradient = jax.value_and_grad(loss)(p, x, y)
    return value, jax.tree.map(lambda a, g: a - 0.01 * g, p, gradient)
x = weight(batch, *shape)
y = jnp.asarray(random.integers(0, 10, batch))
value, params = step(params, x, y)
times = []
for _ in range(steps):
    start = time.perf_counter()
    value, params = jax.block_until_ready(step(params, x, y))
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps(statistics.median(times)))
"""


def write(network: Network, folder: Path, batch: int, steps: int) -> tuple[Path, Path]:
    """The model of a network, and examples for so many steps."""
    builder = Builder(free=True)
    x = builder.input("x", ["N", *network.shape])
    builder.output(network.build(builder, x), "y")
    model, data = folder / "model.onnx", folder / "data.npz"
    onnx.save(builder.finish(), model)
    random, count = np.random.default_rng(0), batch * steps
    images = random.normal(size=(count, *network.shape)).astype(np.float32)
    driver.save(data, {"x": images, "labels": random.integers(0, CLASSES, count)})
    return model, data


def time_ours(
    neuroplast: Path, model: Path, data: Path, batch: int, steps: int, threads: int
) -> float:
    """The milliseconds of a step in the best of some epochs."""
    log = model.with_suffix(".jsonl")
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", model.with_name("trained.onnx"),
        "--batch", str(batch), "--epochs", "3", "--threads", str(threads), "--log", log,
    )  # fmt: skip
    epochs = [json.loads(line) for line in log.read_text().splitlines()]
    return min(epoch["seconds"] for epoch in epochs) / steps * 1e3


def time_jax(name: str, batch: int, steps: int, flags: str) -> float | None:
    """The same of JAX with these flags; none if it cannot be run."""
    command = [sys.executable, "-c", PEER, name, str(batch), str(steps)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"XLA_FLAGS": flags}
    )
    if done.returncode != 0:
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
        return None
    return float(json.loads(done.stdout))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20, help="of a round of one side")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    latency.pin(arguments.threads)
    # JAX runs operators on its own pool, as large as the cores it is left.
    flags = {
        "JAX": "--xla_cpu_multi_thread_eigen=" + str(arguments.threads > 1).lower(),
        "JAX with oneDNN": "--xla_cpu_experimental_onednn_custom_call=true",
    }
    print("| network | batch | ours ms | peers ms | ratio |\n|---|---|---|---|---|")
    for name in arguments.names:
        for batch in arguments.batch:
            with tempfile.TemporaryDirectory() as folder:
                model, data = write(NETWORKS[name], Path(folder), batch, arguments.steps)
                ours: list[float] = []
                peers: dict[str, list[float]] = {peer: [] for peer in flags}
                for _ in range(arguments.rounds):
                    for peer, value in flags.items():
                        if time := time_jax(name, batch, arguments.steps, value):
                            peers[peer].append(time)
                    ours.append(
                        time_ours(
                            neuroplast, model, data, batch, arguments.steps, arguments.threads
                        )
                    )
            medians = {p: statistics.median(times) for p, times in peers.items() if times}
            mine = statistics.median(ours)
            ratio = f"{mine / min(medians.values()):.2f}" if medians else "-"
            beside = ", ".join(f"{peer} {ms:.2f}" for peer, ms in medians.items())
            print(f"| {name} | {batch} | {mine:.2f} | {beside} | {ratio} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
