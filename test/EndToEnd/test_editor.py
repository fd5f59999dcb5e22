"""What shells and editors ask for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from Models import driver

SOURCE = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = neuro.tanh %x : (tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}
"""


def complete(neuroplast: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    script = driver.call(neuroplast, "completion", "bash")
    listed = " ".join(f"'{word}'" for word in ("neuroplast", *words))
    script += f"COMP_WORDS=({listed}); COMP_CWORD={len(words)}; _neuroplast\n"
    script += 'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_completion(neuroplast: Path) -> None:
    overview = driver.call(neuroplast, "--help")
    assert complete(neuroplast, "") == re.findall(r"^  ([a-z]+) +[a-z]", overview, re.M)
    assert complete(neuroplast, "dro") == ["dropin"]
    assert complete(neuroplast, "prune", "m.onnx", "--tar") == [
        "--target-flops", "--target-params", "--target-bytes", "--target-ms",
    ]  # fmt: skip
    assert driver.call(neuroplast, "completion", "bash") in driver.call(
        neuroplast, "completion", "zsh"
    )
    with pytest.raises(driver.DriverError, match="'fish' is none of bash and zsh"):
        driver.call(neuroplast, "completion", "fish")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["prun"], r"no command \(is it 'prune'\?\)"),
        (["quux"], "no command; see"),
        (["prune", "--rati", "1"], r"no option of 'prune' \(is it '--ratio'\?\)"),
        (["bench", "MODEL", "--shape", "X=1x3x48x192"], r"no tensor input 'X' \(is it 'x'\?\)"),
    ],
)
def test_suggestions(neuroplast: Path, words: list[str], meant: str) -> None:
    from Models import models

    path = str(models.MODELS["ppocr_cls"].path())
    with pytest.raises(driver.DriverError, match=meant):
        driver.call(neuroplast, *[path if word == "MODEL" else word for word in words])


def encode(**message: Any) -> str:
    text = json.dumps({"jsonrpc": "2.0", **message})
    return f"Content-Length: {len(text)}\r\n\r\n{text}"


def test_language_server(bin_dir: Path) -> None:
    """It knows the ops, and says what is wrong with them."""
    server = bin_dir / "neuroplast-lsp-server"
    assert shutil.which(server)
    document = {"uri": "file:///net.mlir", "languageId": "mlir", "version": 1, "text": SOURCE}
    session = (
        encode(id=1, method="initialize", params={"capabilities": {}, "processId": None})
        + encode(method="textDocument/didOpen", params={"textDocument": document})
        + encode(id=2, method="shutdown", params={})
        + encode(method="exit", params={})
    )
    done = subprocess.run(
        [server], input=session, capture_output=True, text=True, timeout=60, check=False
    )
    answers = [
        json.loads(text) for text in re.findall(r"\n\n(\{.*?\})(?=Content|$)", done.stdout, re.S)
    ]
    (report,) = [a for a in answers if a.get("method") == "textDocument/publishDiagnostics"]
    (problem,) = report["params"]["diagnostics"]
    assert "undeclared SSA value" in problem["message"]
    assert problem["range"]["start"]["line"] == 3
