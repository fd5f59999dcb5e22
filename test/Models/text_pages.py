"""Rendered pages of text lines: labelled data for the model that finds lines."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.ndimage
from PIL import Image

from Models import text_lines

# What the model that finds lines takes off its pixels, and divides them by.
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

Box = tuple[int, int, int, int]


def pages(
    count: int, seed: int, calibrates: bool, size: int = 320
) -> tuple[np.ndarray, list[list[Box]]]:
    """Images of several lines of text each, and where these are: left, top, right, bottom."""
    random = np.random.default_rng(seed)
    images, places = [], []
    for _ in range(count):
        page = Image.new("RGB", (size, size), (int(random.integers(180, 256)),) * 3)
        boxes: list[Box] = []
        top = int(random.integers(4, 24))
        while True:
            line = text_lines.render(
                random, text_lines.draw_text(random, calibrates, 3), calibrates
            )
            scale = min(random.uniform(0.35, 0.9), (size - 8) / line.width)
            width, height = int(line.width * scale), int(line.height * scale)
            if top + height > size - 4:
                break
            left = int(random.integers(0, size - width - 3))
            page.paste(line.resize((width, height), Image.Resampling.BILINEAR), (left, top))
            boxes.append((left, top, left + width, top + height))
            top += height + int(random.integers(6, 40))
        pixels = np.asarray(page, np.float32) / 255 + random.normal(0, 0.01, (size, size, 3))
        images.append(((pixels.clip(0, 1) - MEAN) / DEVIATION)[:, :, ::-1].transpose(2, 0, 1))
        places.append(boxes)
    return np.stack(images).astype(np.float32), places


def find_boxes(likely: np.ndarray) -> list[Box]:
    """Where a map says that text is: a box around each connected part, as much larger as its
    shrinking before training made it smaller (Liao et al., arXiv 1911.08947)."""
    parts, _ = scipy.ndimage.label(likely > 0.3)
    boxes = []
    for part, (rows, columns) in enumerate(scipy.ndimage.find_objects(parts), 1):
        inside = parts[rows, columns] == part
        height, width = inside.shape
        if min(height, width) < 3 or likely[rows, columns][inside].mean() < 0.5:
            continue
        grow = round(1.5 * height * width / (2 * (height + width)))
        boxes.append(
            (columns.start - grow, rows.start - grow, columns.stop + grow, rows.stop + grow)
        )
    return boxes


def overlap(a: Box, b: Box) -> float:
    """The share of what two boxes cover that both do."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def agreement(found: Iterable[list[Box]], true: Iterable[list[Box]]) -> float:
    """The harmonic mean of the shares of the found and of the true boxes of which half or more
    is one of the other kind."""
    hits, total = 0, 0
    for boxes, known in zip(found, true, strict=True):
        rest = list(known)
        total += len(boxes) + len(known)
        for box in boxes:
            best = max(rest, key=lambda other: overlap(box, other), default=None)
            if best and overlap(box, best) >= 0.5:
                rest.remove(best)
                hits += 1
    return 2 * hits / max(total, 1)
