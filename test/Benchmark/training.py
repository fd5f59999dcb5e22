#!/usr/bin/env python3
"""Prints the time of a step of training (forward, backward, update) beside that of peers.

All train the same architecture by plain gradient descent on random examples, each on as
many pinned cores as threads, rounds of all interleaved, medians. Peers are JAX and
PyTorch where they are installed; neither is a package of the project.
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
from Models.architectures import transformers  # noqa: E402
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


def normed_conv(
    b: Builder, x: str, name: str, inner: int, outer: int, kernel: int, stride: int
) -> str:
    x = b.conv(x, f"{name}.conv", inner, outer, kernel, bias=False, strides=[stride] * 2)
    return b.batch_norm(x, f"{name}.norm", outer)


def residual(
    b: Builder, x: str, names: tuple[str, str, str], widths: tuple[int, int, int], stride: int
) -> str:
    """Two layers, and around them their input, projected where its width is another one.

    Names are those of the layers and of the projection; widths before, between and behind.
    """
    inner, hidden, outer = widths
    y = b.node("Relu", normed_conv(b, x, names[0], inner, hidden, 3, stride))
    y = normed_conv(b, y, names[1], hidden, outer, 3, 1)
    if inner != outer:
        x = normed_conv(b, x, names[2], inner, outer, 1, stride)
    return b.node("Relu", b.node("Add", x, y))


def resnet20(b: Builder, x: str) -> str:
    """For images of 32 x 32, as He et al. trained it (2015)."""
    x, inner = b.node("Relu", normed_conv(b, x, "stem", 3, 16, 3, 1)), 16
    for stage, outer in enumerate([16, 32, 64]):
        for block in range(3):
            name, stride = f"{stage}.{block}", 2 if stage and not block else 1
            names = (f"{name}.a", f"{name}.b", f"{name}.skip")
            x, inner = residual(b, x, names, (inner, outer, outer), stride), outer
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


def bert(b: Builder, x: str) -> str:
    """The layers of BERT-mini, on 64 embedded tokens."""
    for i in range(4):
        y = transformers.attention(b, x, f"{i}", 256, 4, 64, 64)
        x = b.layer_norm(b.node("Add", x, y), f"{i}.n1", 256)
        y = transformers.mlp(b, x, f"{i}.mlp", 256, 1024)
        x = b.layer_norm(b.node("Add", x, y), f"{i}.n2", 256)
    return dense(b, b.node("ReduceMean", x, b.ints(1), keepdims=0), "head", 256, CLASSES)


NETWORKS = {
    "mlp": Network((784,), mlp),
    "cnn": Network((1, 28, 28), cnn),
    "resnet20": Network((3, 32, 32), resnet20),
    "gru": Network((64, 24), gru),
    "bert": Network((64, 256), bert),
}

# What trains one of these elsewhere, in `peers`, and its environment.
PEERS = {
    "JAX": ("jax_step.py", "--xla_cpu_multi_thread_eigen={shared}"),
    "JAX with oneDNN": ("jax_step.py", "--xla_cpu_experimental_onednn_custom_call=true"),
    "PyTorch": ("torch_step.py", ""),
}


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
    neuroplast: Path, model: Path, data: Path, batch: int, steps: int, threads: int, *options: str
) -> float:
    """The milliseconds of a step in the best of some epochs."""
    log = model.with_suffix(".jsonl")
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", model.with_name("trained.onnx"),
        "--batch", str(batch), "--epochs", "3", "--threads", str(threads), "--log", log,
        *options,
    )  # fmt: skip
    epochs = [json.loads(line) for line in log.read_text().splitlines()]
    return min(epoch["seconds"] for epoch in epochs) / steps * 1e3


def time_peer(peer: str, name: str, batch: int, steps: int, threads: int) -> float | None:
    """The same of a peer; none if it cannot train that, or is not there."""
    script, flags = PEERS[peer]
    command = [sys.executable, str(Path(__file__).parent / "peers" / script)]
    command += [name, *map(str, (batch, steps, threads))]
    # JAX runs operators on its own pool, as large as the cores it is left.
    flags = flags.format(shared=str(threads > 1).lower())
    environment = os.environ | {"XLA_FLAGS": flags, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"signal {-done.returncode}"])[-1]
        print(f"{peer}, {name}: {reason}", file=sys.stderr)
        return None
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


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
    print("| network | batch | ours ms | peers ms | ratio |\n|---|---|---|---|---|")
    for name in arguments.names:
        for batch in arguments.batch:
            with tempfile.TemporaryDirectory() as folder:
                model, data = write(NETWORKS[name], Path(folder), batch, arguments.steps)
                ours: list[float] = []
                peers: dict[str, list[float]] = {peer: [] for peer in PEERS}
                for _ in range(arguments.rounds):
                    for peer in list(peers):
                        time = time_peer(peer, name, batch, arguments.steps, arguments.threads)
                        if time is None:
                            del peers[peer]
                        else:
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
