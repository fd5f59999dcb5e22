"""Trains a network of `training.py` in JAX: NAME BATCH STEPS THREADS; milliseconds of a step."""

import json
import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
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


def standardize(p, x, i):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * p[f"s{i}"] + p[f"b{i}"]


def bert(p, x):
    def split(y):
        return y.reshape(*y.shape[:2], 4, 64).transpose(0, 2, 1, 3)

    for i in range(0, 24, 6):
        q, k, v = (split(dense(p, x, i + j)) for j in range(3))
        weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) / 8, axis=-1)
        y = (weights @ v).transpose(0, 2, 1, 3).reshape(x.shape)
        # Norms go by the shifts and scales of layers that have none of their own.
        x = standardize(p, x + dense(p, y, i + 3), i + 3)
        y = dense(p, jax.nn.gelu(dense(p, x, i + 4), approximate=False), i + 5)
        x = standardize(p, x + y, i + 5)
    return dense(p, x.mean(1), 24)


BERT = [(256, 256)] * 4 + [(256, 1024), (1024, 256)]
forward, shapes, shape = {
    "mlp": (mlp, [(784, 512), (512, 512), (512, 10)], (784,)),
    "cnn": (cnn, [(3, 3, 1, 32), (3, 3, 32, 64), (64 * 12 * 12, 10)], (28, 28, 1)),
    "resnet20": (resnet20, get_shapes(), (32, 32, 3)),
    "bert": (bert, BERT * 4 + [(256, 10)], (64, 256)),
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
