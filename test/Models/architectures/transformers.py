"""Transformers: of images, of text, with caches, with rotary embeddings, of sound."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from .builder import Builder, Dim


def split_heads(b: Builder, x: str, source: str, heads: int, depth: int, tokens: int) -> str:
    """B × S × (heads · depth) -> B × heads × S × depth."""
    sizes = (b.size(source, 0), b.size(source, 1)) if b.free else (2, tokens)
    return b.node("Transpose", b.reshape(x, *sizes, heads, depth), perm=[0, 2, 1, 3])


def join_heads(b: Builder, x: str, source: str, width: int, tokens: int) -> str:
    sizes = (b.size(source, 0), b.size(source, 1)) if b.free else (2, tokens)
    return b.reshape(b.node("Transpose", x, perm=[0, 2, 1, 3]), *sizes, width)


def attention(
    b: Builder, x: str, name: str, width: int, heads: int, depth: int, tokens: int,
    mask: str = "", merged: bool = False
) -> str:  # fmt: skip
    """If `merged`, heads are entries of the batch, as products of three axes want them."""
    q, k, v = (
        split_heads(b, b.linear(x, f"{name}.{p}", width, heads * depth), x, heads, depth, tokens)
        for p in "qkv"
    )
    if merged:
        batch, length = (b.size(x, 0), b.size(x, 1)) if b.free else (2, tokens)
        many = b.node("Mul", batch, b.constant(heads, np.int64)) if b.free else 2 * heads
        q, k, v = (b.reshape(part, many, length, depth) for part in (q, k, v))
    turned = b.node("Transpose", k, perm=[0, 2, 1] if merged else [0, 1, 3, 2])
    scores = b.node("Div", b.node("MatMul", q, turned), b.constant(depth**0.5))
    if mask:
        scores = b.node("Add", scores, mask)
    scores = b.node("Softmax", scores, axis=-1)
    y = b.node("MatMul", scores, v)
    if merged:
        y = b.reshape(y, batch, heads, length, depth)
    y = join_heads(b, y, x, heads * depth, tokens)
    return b.linear(y, f"{name}.o", heads * depth, width)


def mlp(b: Builder, x: str, name: str, width: int, hidden: int) -> str:
    return b.linear(b.gelu(b.linear(x, f"{name}.up", width, hidden)), f"{name}.down", hidden, width)


def vit(b: Builder) -> onnx.ModelProto:
    """ViT-Tiny, on 16 patches."""
    width, patch, classes = b.pick((48, 8, 10), (192, 16, 1000))
    x = b.input("x", ["batch" if b.free else 2, 3, 4 * patch, 4 * patch])
    y = b.conv(x, "patch", 3, width, patch, strides=[patch] * 2, pads=[0] * 4)
    batch = b.size(x, 0) if b.free else 2
    y = b.node("Transpose", b.reshape(y, batch, width, 16), perm=[0, 2, 1])
    token = b.weight("token", 1, 1, width, scale=0.5)
    if b.free:
        zero = b.ints(0)
        shape = b.node("Concat", b.node("Unsqueeze", batch, zero), b.ints(1, width), axis=0)
        token = b.node("Expand", token, shape)
    else:
        token = b.node("Expand", token, b.ints(2, 1, width))
    y = b.node("Concat", token, y, axis=1)
    y = b.node("Add", y, b.weight("position", 1, 17, width, scale=0.1))
    for i in range(b.pick(2, 12)):
        x = b.layer_norm(y, f"{i}.n1", width)
        y = b.node("Add", y, attention(b, x, f"{i}", width, 3, width // 3, 17))
        x = b.layer_norm(y, f"{i}.n2", width)
        y = b.node("Add", y, mlp(b, x, f"{i}.mlp", width, b.pick(2, 4) * width))
    y = b.layer_norm(y, "norm", width)
    y = b.node("Gather", y, b.constant(0, np.int64), axis=1)
    b.output(b.linear(y, "head", width, classes), "y")
    return b.finish()


def bert(b: Builder) -> onnx.ModelProto:
    """BERT-mini, which normalises after every sum."""
    width, words = b.pick((64, 50), (256, 30522))
    ids = b.input("ids", ["batch" if b.free else 2, "tokens" if b.free else 6], TensorProto.INT64)
    mask = b.input("mask", ["batch" if b.free else 2, "tokens" if b.free else 6])
    y = b.node("Gather", b.weight("words", words, width, scale=0.5), ids)
    y = b.layer_norm(y, "norm", width)
    masked = b.node("Sub", b.constant(1.0), b.node("Unsqueeze", mask, b.ints(1, 2)))
    masked = b.node("Mul", masked, b.constant(-1e4))
    for i in range(b.pick(2, 4)):
        x = attention(b, y, f"{i}", width, 4, width // 4, 6, masked)
        y = b.layer_norm(b.node("Add", y, x), f"{i}.n1", width)
        x = mlp(b, y, f"{i}.mlp", width, b.pick(2, 4) * width)
        y = b.layer_norm(b.node("Add", y, x), f"{i}.n2", width)
    b.output(b.linear(y, "head", width, 9), "y")
    return b.finish()


def rotate(b: Builder, x: str, cos: str, sin: str, depth: int) -> str:
    """Halves of features, rotated against each other."""
    half, end = b.ints(depth // 2), b.ints(2**62)
    first = b.node("Slice", x, b.ints(0), half, b.ints(3))
    second = b.node("Slice", x, half, end, b.ints(3))
    turned = b.node("Concat", b.node("Neg", second), first, axis=-1)
    return b.node("Add", b.node("Mul", x, cos), b.node("Mul", turned, sin))


def repeat_heads(
    b: Builder, x: str, source: str, groups: int, heads: int, depth: int, tokens: int
) -> str:
    """Every key-value head serves several queries."""
    x = b.node("Unsqueeze", x, b.ints(2))
    times = heads // groups
    if b.free:
        sizes: tuple[Dim, Dim] = (b.size(source, 0), b.size(source, 1))
        batch, length = (b.node("Unsqueeze", size, b.ints(0)) for size in sizes)
        shape = b.node("Concat", batch, b.ints(groups, times), length, b.ints(depth), axis=0)
    else:
        sizes = (2, tokens)
        shape = b.ints(2, groups, times, tokens, depth)
    return b.reshape(b.node("Expand", x, shape), sizes[0], heads, sizes[1], depth)


def llama(b: Builder) -> onnx.ModelProto:
    """Rotary embeddings, grouped queries, RMS norms and a gated hidden layer."""
    width, words, inner = b.pick((64, 50, 96), (512, 32000, 1376))
    heads, groups, depth = b.pick((4, 2, 16), (8, 4, 64))
    tokens = 6
    ids = b.input(
        "ids", ["batch" if b.free else 2, "tokens" if b.free else tokens], TensorProto.INT64
    )
    table = np.arange(32)[:, None] / 100 ** (np.arange(0, depth, 2) / depth)
    angles = np.concatenate([table, table], axis=1)
    y = b.node("Gather", b.weight("words", words, width, scale=0.5), ids)
    count = b.node("Unsqueeze", b.size(ids, 1), b.ints(0)) if b.free else b.ints(tokens)
    tables = []
    for f in (np.cos, np.sin):
        rows = b.node("Slice", b.constant(f(angles)), b.ints(0), count, b.ints(0))
        tables.append(b.node("Unsqueeze", rows, b.ints(0, 1)))
    for i in range(b.pick(2, 8)):
        x = b.rms_norm(y, f"{i}.n1", width)
        parts = {
            part: split_heads(
                b, b.linear(x, f"{i}.{part}", width, n * depth, False), x, n, depth, tokens
            )
            for part, n in (("q", heads), ("k", groups), ("v", groups))
        }
        q, k = (rotate(b, parts[part], *tables, depth) for part in "qk")
        k, v = (repeat_heads(b, t, x, groups, heads, depth, tokens) for t in (k, parts["v"]))
        scores = b.node("MatMul", q, b.node("Transpose", k, perm=[0, 1, 3, 2]))
        scores = b.node("Softmax", b.node("Mul", scores, b.constant(depth**-0.5)), axis=-1)
        context = join_heads(b, b.node("MatMul", scores, v), x, heads * depth, tokens)
        y = b.node("Add", y, b.linear(context, f"{i}.o", heads * depth, width, False))
        x = b.rms_norm(y, f"{i}.n2", width)
        gate = b.silu(b.linear(x, f"{i}.gate", width, inner, False))
        up = b.node("Mul", gate, b.linear(x, f"{i}.up", width, inner, False))
        y = b.node("Add", y, b.linear(up, f"{i}.down", inner, width, False))
    b.output(b.linear(b.rms_norm(y, "norm", width), "head", width, words, False), "y")
    return b.finish()


def gpt2(b: Builder) -> onnx.ModelProto:
    """Queries, keys and values from one matrix, and a cache of keys and values."""
    width, words = b.pick((64, 50), (384, 50257))
    heads, depth = b.pick((4, 16), (6, 64))
    tokens = 3
    batch: Dim = "batch" if b.free else 2
    ids = b.input("ids", [batch, "tokens" if b.free else tokens], TensorProto.INT64)
    y = b.node("Gather", b.weight("words", words, width, scale=0.5), ids)
    for i in range(b.pick(2, 6)):
        past = [
            b.input(f"past.{i}.{p}", [batch, heads, "past" if b.free else 5, depth]) for p in "kv"
        ]
        x = b.layer_norm(y, f"{i}.n1", width)
        joined = b.linear(x, f"{i}.qkv", width, 3 * width)
        q, k, v = (
            split_heads(b, part, x, heads, depth, tokens)
            for part in b.node("Split", joined, b.ints(width, width, width), outputs=3, axis=2)
        )
        k, v = (b.node("Concat", old, new, axis=2) for old, new in zip(past, (k, v), strict=True))
        scores = b.node("MatMul", q, b.node("Transpose", k, perm=[0, 1, 3, 2]))
        scores = b.node("Softmax", b.node("Div", scores, b.constant(depth**0.5)), axis=-1)
        context = join_heads(b, b.node("MatMul", scores, v), x, width, tokens)
        y = b.node("Add", y, b.linear(context, f"{i}.o", width, width))
        x = b.layer_norm(y, f"{i}.n2", width)
        y = b.node("Add", y, mlp(b, x, f"{i}.mlp", width, b.pick(2, 4) * width))
    b.output(b.linear(b.layer_norm(y, "norm", width), "head", width, words, False), "y")
    return b.finish()


def wav2vec(b: Builder) -> onnx.ModelProto:
    """Strided convolutions, a grouped positional one, and transformer layers."""
    width, channels, kernel = b.pick((32, 24, 3), (256, 512, 15))
    heads, groups = b.pick((4, 4), (4, 16))
    x = b.input("x", ["batch" if b.free else 2, 1, "time" if b.free else 64])
    y = b.gelu(b.node("Conv", x, b.weight("c0", channels, 1, 5), strides=[4]))
    y = b.gelu(b.node("Conv", y, b.weight("c1", width, channels, 3), strides=[2]))
    weight = b.weight("position", width, width // groups, kernel)
    position = b.node("Conv", y, weight, group=groups, pads=[kernel // 2] * 2)
    y = b.node("Transpose", b.node("Add", y, b.gelu(position)), perm=[0, 2, 1])
    tokens = 7
    for i in range(b.pick(1, 4)):
        x = b.layer_norm(y, f"{i}.n1", width)
        x = attention(b, x, f"{i}", width, heads, width // heads, tokens, merged=True)
        y = b.node("Add", y, x)
        x = b.layer_norm(y, f"{i}.n2", width)
        y = b.node("Add", y, mlp(b, x, f"{i}.mlp", width, b.pick(2, 4) * width))
    b.output(b.linear(y, "head", width, 6), "y")
    return b.finish()


def linear_attention(b: Builder) -> onnx.ModelProto:
    """(elu(q) + 1) ((elu(k) + 1)ᵀ v)."""
    width, depth = b.pick((16, 12), (256, 64))
    tokens = 5
    x = b.input("x", ["batch" if b.free else 2, "tokens" if b.free else tokens, width])
    q, k = (
        b.node("Add", b.node("Elu", b.linear(x, p, width, depth)), b.constant(1.0)) for p in "qk"
    )
    v = b.linear(x, "v", width, width)
    state = b.node("MatMul", b.node("Transpose", k, perm=[0, 2, 1]), v)
    y = b.node("MatMul", q, state)
    b.output(b.linear(y, "head", width, 3), "y")
    return b.finish()


def experts(b: Builder) -> onnx.ModelProto:
    """A mixture of experts, all of which run: the router weighs what they say."""
    width, count, hidden = b.pick((16, 4, 24), (256, 8, 512))
    x = b.input("x", ["batch" if b.free else 3, width])
    y = b.linear(x, "stem", width, width)
    weights = b.node("Softmax", b.linear(y, "router", width, count), axis=-1)
    weight = b.weight("up", count, width, hidden, scale=width**-0.5)
    up = b.node("Relu", b.node("Einsum", y, weight, equation="bi,eih->beh"))
    weight = b.weight("down", count, hidden, width, scale=hidden**-0.5)
    down = b.node("Einsum", up, weight, equation="beh,eho->beo")
    y = b.node("Einsum", weights, down, equation="be,beo->bo")
    b.output(b.linear(y, "head", width, 3), "y")
    return b.finish()
