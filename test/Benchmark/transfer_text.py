#!/usr/bin/env python3
"""A second task for a network that knows language, and what becomes of the first.

MiniLM finds lines that are about the same thing: of 1,000 packages of Debian, the one from the
same source. A head then learns which of twelve topics a line is about, with the network frozen,
with units or heads of attention that join while old weights stay as they are, and with all of it
learning. Each way has the learning rate that did best on a seed of its own. Prints how much of
both tasks is right, and paired differences with bootstrap intervals of 95 %; fails if the first
task, taken out of the network that does both, is not as before, to the bit.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver, models, package_texts  # noqa: E402

from Benchmark import paired  # noqa: E402

EMBEDDING = "461"  # the model's name for it
SLOW, FAST = ("0.0003", "0.001", "0.003"), ("0.003", "0.01", "0.03")
# Options of `transfer`, and learning rates to choose from.
WAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "frozen body, new head": ((), FAST),
    "384 units join each layer": (
        ("--grow", "*intermediate*=384", "--freeze", "weights"),
        SLOW,
    ),
    "4 heads join each layer, and 4 numbers by which each compares": (
        ("--grow", "*query*=4", "--freeze", "weights"),
        SLOW,
    ),
    "all learns": (("--freeze", "nothing"), SLOW),
}


class Tasks:
    """Lines with topics to learn from and to test, and pairs that are to be found."""

    def __init__(
        self, neuroplast: Path, base: Path, folder: Path, examples: int, seed: int
    ) -> None:
        self.neuroplast, self.base = neuroplast, base
        lines, tokenizer = package_texts.read_lines(), package_texts.make_tokenizer(folder)
        texts, topics = package_texts.draw_topics(lines, 250, seed)
        inputs = package_texts.encode(tokenizer, texts)
        known = {name: value[:examples] for name, value in inputs.items()}
        self.data = folder / "topics.npz"
        driver.save(self.data, known | {"labels": topics[:examples]})
        self.seen = {name: value[examples:] for name, value in inputs.items()}
        self.topics = topics[examples:]
        self.pairs = [
            package_texts.encode(tokenizer, side)
            for side in package_texts.draw_pairs(lines, 1000, seed)
        ]
        self.before = self.embed(base)

    def find_topics(self, model: Path) -> float:
        said = self.run(model, self.seen)["topic"]
        return float((said.argmax(axis=1) == self.topics).mean())

    def embed(self, model: Path) -> list[np.ndarray]:
        return [self.run(model, side)[EMBEDDING] for side in self.pairs]

    def run(self, model: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return driver.run(self.neuroplast, model, inputs, "--threads", "2")


def find_pairs(sides: list[np.ndarray]) -> float:
    """How many of the lines of one side are nearest to theirs on the other."""
    one, other = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
    return float(((one @ other.T).argmax(axis=1) == np.arange(len(one))).mean())


def learn(
    tasks: Tasks, folder: Path, title: str, rate: str, seed: int
) -> tuple[float, float, float, bool]:
    """How much of the topics is right, and of the pairs, with both tasks in the network and with
    the first taken out; and whether that is as before."""
    ready, learned, back = (folder / f"{name}.onnx" for name in ("ready", "learned", "back"))
    head = f"topic={len(package_texts.TOPICS)}"
    driver.edit(
        tasks.neuroplast, "transfer", tasks.base, ready, "--new-head", head, *WAYS[title][0],
        "--seed", str(seed),
    )  # fmt: skip
    driver.call(
        tasks.neuroplast, "train", ready, "--data", tasks.data, "--optimizer", "adam", "--lr", rate,
        "--schedule", "cosine", "--clip-norm", "5", "--epochs", "4", "--seed", str(seed),
        "--threads", "2", "-o", learned, timeout=3600,
    )  # fmt: skip
    topics, both = tasks.find_topics(learned), tasks.embed(learned)
    driver.edit(tasks.neuroplast, "select", learned, ready, "--output", EMBEDDING)
    driver.edit(tasks.neuroplast, "prune", ready, back, "--dead", "--inner")
    after = tasks.embed(back)
    same = all(np.array_equal(*sides) for sides in zip(tasks.before, after, strict=True))
    return topics, find_pairs(both), find_pairs(after), same


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("--examples", type=int, default=1600)
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    found: dict[str, list[tuple[float, float, float, bool]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, chosen = Path(name), {}
        base = folder / "base.onnx"
        source = models.MODELS["minilm_l3"].path()
        driver.edit(neuroplast, "select", source, base, "--output", EMBEDDING)
        for seed in (99, *range(arguments.seeds)):
            tasks = Tasks(neuroplast, base, folder, arguments.examples, seed)
            for title, (_, rates) in WAYS.items():
                reached = [
                    learn(tasks, folder, title, rate, seed)
                    for rate in ([chosen[title]] if title in chosen else rates)
                ]
                if title not in chosen:
                    chosen[title] = rates[int(np.argmax([r[0] for r in reached]))]
                else:
                    found.setdefault(title, []).append(reached[0])
                print(seed, title, reached, file=sys.stderr, flush=True)
    print(f"\n{arguments.examples} examples of the second task, rates {list(chosen.values())}\n")
    print("| network | topics % | pairs % | pairs, taken out % | topics, over frozen body |")
    print("|---|---|---|---|---|")
    frozen, holds = np.array([r[0] for r in found["frozen body, new head"]]), True
    for title, runs in found.items():
        *shares, same = (np.array(column) for column in zip(*runs, strict=True))
        holds &= bool(same.all()) or title == "all learns"
        cells = [title, *(f"{100 * share.mean():.2f}" for share in shares)]
        print(f"| {' | '.join([*cells, paired.describe(shares[0] - frozen)])} |", flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
