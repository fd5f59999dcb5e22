"""Rendered lines of text: labelled data for the models that read or turn them.

What calibrates and what tests share neither fonts nor words: the one are random
characters, cased as words are, in half of the fonts, the others words in the other half.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from PIL import Image, ImageDraw, ImageFont

FONTS = Path("/usr/share/fonts/truetype/dejavu")
WORDS = [
    "neuron",
    "channel",
    "growth",
    "total",
    "invoice",
    "amount",
    "street",
    "number",
    "Friday",
    "morning",
    "tea",
    "station",
    "platform",
    "2048",
    "delivery",
    "return",
    "window",
    "open",
    "closed",
    "price",
    "19.99",
    "order",
    "address",
    "garden",
    "bridge",
    "signal",
    "Berlin",
    "Oslo",
    "Kyoto",
    "reading",
    "glass",
    "paper",
    "copper",
]
CHARACTERS = string.ascii_letters + string.digits + "."
HEIGHT = 48


def draw_word(random: np.random.Generator) -> str:
    """Characters that are no word, but look like one: mostly small, at times with a large one
    before them, all large, all digits, or anything."""
    style, length = random.random(), int(random.integers(3, 9))
    if style < 0.1:
        return "".join(random.choice(list(string.digits + "."), length))
    if style < 0.2:
        return "".join(random.choice(list(CHARACTERS), length))
    word = "".join(random.choice(list(string.ascii_lowercase), length))
    return word if style < 0.7 else word.capitalize() if style < 0.9 else word.upper()


def draw_text(random: np.random.Generator, calibrates: bool, most: int) -> str:
    """One to `most` words, or what looks like them."""
    count = int(random.integers(1, most + 1))
    if not calibrates:
        return " ".join(random.choice(WORDS, count))
    return " ".join(draw_word(random) for _ in range(count))


def render(random: np.random.Generator, text: str, calibrates: bool) -> Image.Image:
    """Dark text in one of the fonts on a light, slightly noisy ground."""
    fonts = sorted(FONTS.glob("DejaVu*.ttf"))[int(not calibrates) :: 2]
    font = ImageFont.truetype(str(fonts[random.integers(len(fonts))]), int(random.integers(24, 40)))
    left, top, right, bottom = font.getbbox(text)
    margin = random.integers(2, 8, 4)
    size = (int(right - left + margin[0] + margin[1]), int(bottom - top + margin[2] + margin[3]))
    ground, ink = int(random.integers(180, 256)), int(random.integers(0, 90))
    picture = Image.new("L", size, ground)
    ImageDraw.Draw(picture).text((margin[0] - left, margin[2] - top), text, fill=ink, font=font)
    noise = random.normal(0, 6, (size[1], size[0]))
    pixels = np.clip(np.asarray(picture, np.float32) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert("RGB")


def prepare(picture: Image.Image, most: int) -> np.ndarray:
    """What the models take: height 48, at most `most` wide, padded by zeros."""
    width = min(most, max(1, round(HEIGHT * picture.width / picture.height)))
    resized = picture.resize((width, HEIGHT), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized, np.float32)[:, :, ::-1].transpose(2, 0, 1) / 127.5 - 1
    padded = np.zeros((3, HEIGHT, most), np.float32)
    padded[:, :, :width] = pixels
    return padded


def turned_lines(
    count: int, seed: int, calibrates: bool, width: int = 192
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels: 0 upright, 1 turned by 180 degrees."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    lines = (render(random, draw_text(random, calibrates, 3), calibrates) for _ in range(count))
    images = [
        prepare(line.rotate(180) if turned else line, width)
        for line, turned in zip(lines, labels, strict=True)
    ]
    return np.stack(images), labels


def lines_to_read(
    count: int, seed: int, calibrates: bool, width: int = 320
) -> tuple[np.ndarray, list[str]]:
    """Images and what they say."""
    random = np.random.default_rng(seed)
    texts = [draw_text(random, calibrates, 2) for _ in range(count)]
    return np.stack([prepare(render(random, text, calibrates), width) for text in texts]), texts


def decode(model: Path, scores: np.ndarray) -> list[str]:
    """The texts that scores of characters spell (connectionist temporal classification)."""
    (listed,) = (e.value for e in onnx.load(model).metadata_props if e.key == "character")
    table = ["", *listed.splitlines(), " "]
    texts = []
    for row in scores.argmax(axis=2):
        changes = row[np.concatenate([[True], row[1:] != row[:-1]])]
        texts.append("".join(table[index] for index in changes))
    return texts


def distance(a: str, b: str) -> int:
    """Characters to insert, remove or replace (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def read_correctly(read: Iterable[str], texts: Iterable[str]) -> tuple[float, float]:
    """The shares of the lines and of the characters that were read correctly."""
    pairs = list(zip(read, texts, strict=True))
    lines = sum(a == b for a, b in pairs) / len(pairs)
    errors = sum(distance(a, b) for a, b in pairs)
    return lines, max(0.0, 1 - errors / sum(len(b) for _, b in pairs))
