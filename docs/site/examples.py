"""Runs the examples of a page when the site is built, and shows what they print.

Of the blocks of code of a page, those of the kind ``sh run`` are run, in their order, by
bash in a folder of the page's own, and what they print follows them. A block that fails
fails the build. Blocks of a kind as ``c file=main.c`` become files there first. Pages
that they write are part of the site.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD_DIR", "build")
BLOCK = re.compile(
    r"^```(?P<language>\w+) (?:run|file=(?P<file>[\w.-]+))\n(?P<text>.*?)^```$", re.M | re.S
)


def run(text: str, folder: Path) -> str:
    """What a block prints."""
    environment = {
        **os.environ,
        "PATH": f"{BUILD / 'bin'}:{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "NEUROPLAST": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PluginError(f"an example ended with {done.returncode}:\n{text}\n{done.stdout}")
    return done.stdout.replace(str(ROOT), "neuroplast")


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files, **_: Any
) -> str:
    folder = BUILD / "docs" / page.file.src_uri.removesuffix(".md")
    if BLOCK.search(markdown):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def replace(block: re.Match[str]) -> str:
        language, file, text = block["language"], block["file"], block["text"]
        if file:
            (folder / file).write_text(text)
            return f'```{language} title="{file}"\n{text}```'
        printed = run(text, folder)
        shown = f"```{language}\n{text}```"
        return f"{shown}\n\n```text\n{printed.rstrip()}\n```" if printed.strip() else shown

    try:
        markdown = BLOCK.sub(replace, markdown)
    except PluginError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from None
    for written in sorted(folder.glob("*.html")):
        place = Path(page.file.src_uri).parent / written.name
        files.append(File.generated(config, place.as_posix(), abs_src_path=str(written)))
    return markdown
