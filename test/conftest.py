"""The pytest options and fixtures of the project."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--build", default=str(ROOT / "build"), help="build folder to test")
    parser.addoption(
        "--all-models", action="store_true", help="run the tests of models on the whole collection"
    )


@pytest.fixture(scope="session")
def bin_dir(request: pytest.FixtureRequest) -> Path:
    """The folder with the built tools."""
    return Path(request.config.getoption("--build")).resolve() / "bin"


@pytest.fixture(scope="session")
def neuroplast(bin_dir: Path) -> Path:
    """The driver."""
    return bin_dir / "neuroplast"


@pytest.fixture(scope="session")
def npl(bin_dir: Path) -> ModuleType:
    """The Python package."""
    cache = (bin_dir.parent / "CMakeCache.txt").read_text(encoding="utf-8")
    if "NEUROPLAST_SANITIZE:BOOL=ON" in cache:
        pytest.skip("an interpreter without the sanitizer cannot load what has it")
    sys.path.insert(0, str(bin_dir.parent / "python"))
    return importlib.import_module("neuroplast")


@pytest.fixture(scope="session")
def neuroplast_opt(bin_dir: Path) -> Path:
    """The pass runner."""
    return bin_dir / "neuroplast-opt"
