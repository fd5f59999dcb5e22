"""Runs the examples of pages when the site is built, and shows what they print.

Of the blocks of code of a page, those of the kind ``sh run`` are run, in their order, by
bash in a folder of the page's own, and what they print follows them. A block that fails
fails the build. Blocks of a kind as ``c file=main.c`` become files there first. Pages
that they write are part of the site. As many pages are at work as there are cores.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
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

results: dict[str, Future[list[str]]] = {}  # of pages by their paths


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


def run_all(file: File, folder: Path) -> list[str]:
    """What each block of a page prints; nothing, where it is a file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    printed = []
    for block in BLOCK.finditer(file.content_string):
        if block["file"]:
            (folder / block["file"]).write_text(block["text"])
        printed.append("" if block["file"] else run(block["text"], folder))
    return printed


def folder_of(file: File) -> Path:
    return BUILD / "docs" / file.src_uri.removesuffix(".md")


def on_files(files: Files, **_: Any) -> None:
    pages = [file for file in files.documentation_pages() if BLOCK.search(file.content_string)]
    # The one with the most to run decides how long it takes.
    pages.sort(key=lambda file: -len(BLOCK.findall(file.content_string)))
    pool = ThreadPoolExecutor(os.cpu_count())
    results.update({file.src_uri: pool.submit(run_all, file, folder_of(file)) for file in pages})
    pool.shutdown(wait=False)


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files, **_: Any
) -> str:
    if page.file.src_uri not in results:
        return markdown
    try:
        printed = iter(results[page.file.src_uri].result())
    except PluginError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from None

    def replace(block: re.Match[str]) -> str:
        language, file, text = block["language"], block["file"], block["text"]
        title, shown = f' title="{file}"' if file else "", next(printed).rstrip()
        code = f"```{language}{title}\n{text}```"
        return f"{code}\n\n```text\n{shown}\n```" if shown else code

    for written in sorted(folder_of(page.file).glob("*.html")):
        place = Path(page.file.src_uri).parent / written.name
        files.append(File.generated(config, place.as_posix(), abs_src_path=str(written)))
    return BLOCK.sub(replace, markdown)
