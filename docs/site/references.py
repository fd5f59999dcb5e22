"""Makes the reference pages of the site out of what the project says of itself.

Commands and options are those that the driver explains, ops and passes those of TableGen,
plans are their schemas, and Python is the docstrings of the package. What says nothing of
itself fails the build.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD_DIR", "build")
INCLUDE = ROOT / "include" / "neuroplast"


def ask(*command: str | Path) -> str:
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=True
    ).stdout


def require(text: str | None, what: str) -> str:
    if not text or not text.strip():
        raise PluginError(f"{what} says nothing of itself")
    return text.strip()


def describe_commands() -> str:
    """A section for each command, with a table of its options."""
    driver = BUILD / "bin" / "neuroplast"
    page = ["# Commands", "What `neuroplast COMMAND --help` says."]
    for name in re.findall(r"^  ([a-z]+) +[a-z]", ask(driver, "--help"), re.M):
        usage, *lines = ask(driver, name, "--help").splitlines()
        summary = require(" ".join(line.strip() for line in lines[:2]), name)
        page += [f"## {name}", f"`{usage}`", f"{summary[0].upper()}{summary[1:]}."]
        page += ["| option | what it does |", "|---|---|"]
        for line in lines[2:]:
            option, _, text = line.strip().partition("  ")
            if option.startswith("-"):
                text = require(text, f"option {option} of {name}").replace("|", "\\|")
                page.append(f"| `{option.replace('|', '&#124;')}` | {text} |")
        page.append("")
    return join(page)


def join(parts: list[str]) -> str:
    """Paragraphs, but for the rows of tables, which stay together."""
    return re.sub(r"(^\|[^\n]*)\n\n(?=\|)", r"\1\n", "\n\n".join(parts), flags=re.M) + "\n"


def generate(kind: str, source: Path, *options: str) -> str:
    """Markdown that TableGen makes."""
    includes = [f"-I{ROOT / 'include'}", "-I/usr/lib/llvm-22/include"]
    return ask("/usr/lib/llvm-22/bin/mlir-tblgen", kind, *options, source, *includes)


def describe_dialect(name: str, source: Path) -> str:
    text = generate("-gen-dialect-doc", source, f"-dialect={name}")
    for op in re.finditer(r"^### `([\w.]+)` \([\w:]+\)\n\n(.*?)(?=^###? |\Z)", text, re.M | re.S):
        require(op[2].split("Syntax:")[0].strip("_ \n"), f"op {op[1]}")
    return text


def describe_passes() -> str:
    page = ["# Passes", '`neuroplast-opt --PASS="option=value" model.mlir` runs one.']
    for source in sorted(INCLUDE.rglob("Passes.td")):
        text = generate("-gen-pass-doc", source)
        for name, summary in re.findall(r"^### `-([\w-]+)`\n\n_(.*?)_?$", text, re.M):
            require(summary, f"pass {name}")
        page.append(f"## {source.parent.name}")
        page.append(re.sub(r"<!--.*?-->", "", text))
    listed = "\n".join(page)
    page.append("## Pipelines")
    runner = ask(BUILD / "bin" / "neuroplast-opt", "--help")
    for name, summary in re.findall(r"^ +--([\w-]*neuro-[\w-]+) +- +(.*)$", runner, re.M):
        if f"`-{name}`" not in listed:
            page += [f"### `-{name}`", f"_{require(summary, name)}_"]
    return "\n\n".join(page)


def describe_schema(schema: dict[str, Any], title: str) -> str:
    source = json.dumps(schema, indent=2)
    return f"## {title}\n\n{schema.get('description', '')}\n\n```json\n{source}\n```\n"


def describe_plans() -> str:
    parts = ["# Plans", "What the files hold that plans are read from, as JSON schemas."]
    for path in sorted(ROOT.glob("include/neuroplast/*/*Schema.json")):
        parts.append(describe_schema(json.loads(path.read_text()), path.stem))
    return "\n\n".join(parts)


def show_signature(function: Callable[..., Any]) -> str:
    """Annotations are kept as texts, whose quotes nobody wants to read."""
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(function)))
    return f"`{text}`"


def describe_class(name: str, value: type) -> list[str]:
    page = [f"## {name}", require(value.__doc__ and inspect.getdoc(value), name)]
    for member, function in vars(value).items():
        if member.startswith("_") and member not in ("__init__", "__call__"):
            continue
        if isinstance(function, property):
            page += [f"### `{name}.{member}`", require(inspect.getdoc(function), member)]
        elif inspect.isfunction(function):
            text = inspect.getdoc(function) or ""
            if member != "__init__":
                require(text, f"{name}.{member}")
            page += [f"### `{name}.{member}`", show_signature(function), text]
    return page


def describe_package(package: ModuleType) -> str:
    page = ["# Python", require(inspect.getdoc(package), "the package")]
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isclass(value):
            page += describe_class(name, value)
        else:
            page += [f"## {name}", show_signature(value), require(value.__doc__, name)]
    # A colon that begins an example is said twice in docstrings.
    return re.sub(r"::$", ":", "\n\n".join(page), flags=re.M) + "\n"


def import_package() -> ModuleType:
    sys.path.insert(0, str(BUILD / "python"))
    return importlib.import_module("neuroplast")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = {
        "commands": describe_commands(),
        "python": describe_package(import_package()),
        "plans": describe_plans(),
        "neuro": describe_dialect("neuro", INCLUDE / "Dialect/Neuro/IR/NeuroOps.td"),
        "kernel": describe_dialect("kernel", INCLUDE / "Dialect/Kernel/IR/KernelOps.td"),
        "passes": describe_passes(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files
