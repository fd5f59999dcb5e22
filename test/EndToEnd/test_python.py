"""The Python package: what the command line can do, and arrays without copies."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest
from Models import driver
from Models.training import HIDDEN, INS, OUTS, perceptron, read_params
from Models.training import draw_examples as draw


@pytest.fixture(name="source")
def write_source(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    perceptron(path)
    return path


def ask_peer(model: bytes | Path, x: np.ndarray) -> np.ndarray:
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source).run(None, {"x": x})[0]


def test_load_compile_call(npl: ModuleType, source: Path) -> None:
    """A path, bytes and a model of the onnx package are the same."""
    x = draw(5)["x"]
    expected = ask_peer(source, x)
    proto = onnx.load(source)
    for given in (source, str(source), source.read_bytes(), proto):
        function = npl.load(given).compile()
        np.testing.assert_allclose(function(x), expected, rtol=1e-5, atol=1e-6)
    assert function.inputs == {"x": ("float32", (-1, INS))}
    assert [shape for _, shape in function.outputs.values()] == [(-1, OUTS)]


def test_arrays_are_not_copied(npl: ModuleType, source: Path) -> None:
    """Rows of a large array are read where they lie, and results stay where they are written."""
    function = npl.load(source).compile()
    x = draw(64)["x"]
    expected = function(x)
    np.testing.assert_array_equal(function(x[10:20]), expected[10:20])
    x[10:20] = 0
    zeros = function(x)[10:20]
    np.testing.assert_array_equal(zeros, np.repeat(zeros[:1], 10, axis=0))
    # Other layouts are copied, by name or in their order.
    columns = np.asfortranarray(x)
    np.testing.assert_array_equal(function(x=columns), function(x))
    np.testing.assert_array_equal(function(x[::2]), function(x)[::2])
    frozen = x.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(function(frozen), function(x))
    # A result outlives the function.
    kept = function(x)
    again = kept.copy()
    del function
    np.testing.assert_array_equal(kept, again)


def test_wrong_inputs(npl: ModuleType, source: Path) -> None:
    function = npl.load(source).compile(shapes={"x": (2, INS)})
    x = draw(2)["x"]
    for arrays, named in (((), {}), ((x, x), {}), ((x,), {"x": x}), ((), {"z": x})):
        with pytest.raises(TypeError, match="input"):
            function(*arrays, **named)
    with pytest.raises(npl.Error, match="'x' has size 3 along axis 0, expected 2"):
        function(draw(3)["x"])
    with pytest.raises(npl.Error, match="'x'"):
        function(x.astype(np.float64))
    with pytest.raises(npl.Error, match="element type"):
        function(x.astype(np.complex64))


def test_threads_run_at_once(npl: ModuleType, source: Path) -> None:
    function = npl.load(source).compile()
    inputs = [draw(200, seed)["x"] for seed in range(4)]
    expected = [function(x) for x in inputs]
    results: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        for _ in range(50):
            results[number] = function(inputs[number])

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for number, value in enumerate(expected):
        np.testing.assert_array_equal(results[number], value)


def test_edits(npl: ModuleType, source: Path, tmp_path: Path) -> None:
    """Each changes the model in place and reports; it is undone as on the command line."""
    model = npl.load(source)
    original = model.copy()
    inputs = {"x": draw(3)["x"]}
    assert [entry["units"] for entry in model.units()] == [INS, HIDDEN, OUTS]
    report = model.dropin(units=3, at="w", keep_removed=True)
    assert report["after"]["parameters"] - report["before"]["parameters"] == 3 * (INS + 1 + OUTS)
    model.verify(original, inputs)
    report = model.prune(
        ratio=0.5, only=["w"], data={"x": draw(32)["x"]}, no_reconstruct=True, keep_removed=True
    )
    assert report["criterion"] == "obs"
    with pytest.raises(npl.Error, match="differ"):
        model.verify(original, inputs)
    model.undo(to=0)
    model.verify(original, inputs)
    target = tmp_path / "saved.onnx"
    model.save(target)
    for key, value in read_params(source).items():
        np.testing.assert_array_equal(read_params(target)[key], value)
    assert "parameters" in repr(model) and model._repr_html_().startswith("<table>")
    assert "neuro." in model.ir()
    assert "neuro." in model.run_passes("--canonicalize")


def test_training(npl: ModuleType, source: Path, tmp_path: Path) -> None:
    model = npl.load(source)
    log = model.train(draw(512), epochs=20, optimizer="adam", lr=0.02, val=draw(128, seed=1))
    assert [entry["epoch"] for entry in log] == list(range(1, 21))
    assert log[-1]["validation_accuracy"] > 0.9
    student = npl.load(source)
    log = student.distill(model, {"x": draw(512)["x"]}, epochs=5, optimizer="adam", lr=0.02)
    assert log[-1]["loss"] < log[0]["loss"]
    library = tmp_path / "m.so"
    model.build(library)
    x = draw(9)["x"]
    np.testing.assert_allclose(npl.Function(library)(x), model.compile()(x), rtol=1e-5)


def test_learner(npl: ModuleType, source: Path, tmp_path: Path) -> None:
    """A step of the learner is a step of a stream, and edits come in between."""
    options = {"optimizer": "adam", "lr": 0.02, "growable": "w"}
    model = npl.load(source)
    learner = model.learner(**options)
    before = learner.act(x=draw(3)["x"])
    assert [value.shape for value in before.values()] == [(3, OUTS)]
    scores = [learner.learn(**draw(16, seed)) for seed in range(150)]
    assert scores[-1][0] < scores[0][0] / 2 and scores[-1][1] > 0.6
    size = learner.parameters
    (said,) = learner.act(x=draw(3)["x"]).values()
    learner.edit("dropin", at="w", units=2)
    assert learner.parameters == size + 2 * (INS + 1 + OUTS)
    (grown,) = learner.act(x=draw(3)["x"]).values()
    np.testing.assert_array_equal(grown, said)
    learner.edit("prune", only="w", ratio=0.2, criterion="taylor")
    learner.learn(**draw(16))
    assert learner.steps == 151
    learner.save(tmp_path / "l.onnx")
    (now,) = learner.act(x=draw(3)["x"]).values()
    np.testing.assert_allclose(ask_peer(tmp_path / "l.onnx", draw(3)["x"]), now, atol=1e-5)
    with pytest.raises(npl.Error, match="nope"):
        learner.edit("dropin", at="nope")
    with pytest.raises(npl.Error, match="none of prune"):
        learner.edit("compile")
    with pytest.raises(npl.Error, match="classes"):
        learner.learn(x=draw(4)["x"], labels=np.full(4, OUTS))
    with pytest.raises(npl.Error, match="--nonsense"):
        model.learner(nonsense=3)


def test_failures_say_why(npl: ModuleType, source: Path, tmp_path: Path) -> None:
    with pytest.raises(npl.Error, match="nowhere"):
        npl.load(tmp_path / "nowhere.onnx")
    with pytest.raises(npl.Error):
        npl.load(b"no model")
    model = npl.load(source)
    with pytest.raises(npl.Error, match="ratio must be"):
        model.prune(ratio=7)
    with pytest.raises(npl.Error, match="'--colour' is no option of 'prune'"):
        model.prune(colour="red")
    # A model that an edit failed on is what it was.
    model.verify(npl.load(source), {"x": draw(3)["x"]})
    (tmp_path / "no.so").write_bytes(b"no library")
    with pytest.raises(npl.Error, match="no.so"):
        npl.Function(tmp_path / "no.so")


def test_arrays_go_as_the_driver_has_them(
    npl: ModuleType, source: Path, neuroplast: Path, tmp_path: Path
) -> None:
    """The package gives the bits that the command gives."""
    data, out = tmp_path / "d.npz", tmp_path / "o.onnx"
    driver.save(data, draw(64))
    driver.call(neuroplast, "train", source, "--data", data, "--lr", 0.1, "-o", out)
    model = npl.load(source)
    model.train(draw(64), lr=0.1)
    for key, value in read_params(out).items():
        np.testing.assert_array_equal(read_params(model.path)[key], value)


# The parts of the C and C++ run time that every system has.
RUN_TIME = re.compile(r"(linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+)\.so)")


def test_installed_package(npl: ModuleType, bin_dir: Path, source: Path, tmp_path: Path) -> None:
    """What a wheel holds needs nothing but Python, numpy and the system's run time."""
    package = tmp_path / "site" / "neuroplast"
    command = [
        Path(sys.executable).parent / "cmake",
        "--install",
        bin_dir.parent,
        "--component",
        "python",
    ]
    subprocess.run([*command, "--prefix", package.parent], check=True, capture_output=True)
    (extension,) = package.glob("_native*.so")
    for program in (extension, package / "bin" / "neuroplast", package / "bin" / "neuroplast-opt"):
        listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True)
        for line in listed.stdout.splitlines():
            # The wheel lies in `package`; so do all others.
            assert RUN_TIME.match(line.strip().rsplit("/", 1)[-1]) or str(package) in line, line
    assert list((package / "lib" / "licences").glob("libllvm*"))
    assert "class Function" in (package / "_native.pyi").read_text()
    for file in Path(npl.__file__).parent.glob("*.py"):
        shutil.copy(file, package)
    script = f"""
import neuroplast as npl, numpy as np
model = npl.load({str(source)!r})
model.dropin(units=4)
x = np.ones((3, {INS}), np.float32)
model.build("two.so", threads=2)
first = model.compile(threads=2)(x)
assert npl.__file__.startswith({str(package)!r})
assert (npl.Function("two.so")(x) == first).all()
"""
    environment = {"PYTHONPATH": str(package.parent), "HOME": str(tmp_path)}
    python = [sys.executable, "-P", "-c", script]
    subprocess.run(python, check=True, cwd=tmp_path, env=environment)


def test_data_in_batches(npl: ModuleType, source: Path) -> None:
    """Batches from a generator are the same data as one archive of them."""
    examples = draw(90)
    parts = ({name: array[i : i + 30] for name, array in examples.items()} for i in (0, 30, 60))
    whole, split = npl.load(source), npl.load(source)
    logs = [
        model.train(data, epochs=2, batch=30, seed=1)
        for model, data in ((whole, examples), (split, parts))
    ]
    losses = [[entry["loss"] for entry in log] for log in logs]
    assert losses[0] == losses[1]
    x = draw(3)["x"]
    np.testing.assert_array_equal(whole.compile()(x), split.compile()(x))
    with pytest.raises(TypeError, match="arrays by name, or batches of these, not 'a.npz'"):
        whole.train(["a.npz", "b.npz"])


def test_callbacks(npl: ModuleType, source: Path) -> None:
    """They see the log as it is written; one that raises ends training, and nothing has changed."""
    model, seen = npl.load(source), []
    log = model.train(draw(60), callback=seen.append, epochs=3, batch=30)
    assert seen == log
    assert [entry["epoch"] for entry in log] == [1, 2, 3]
    before = model.path.read_bytes()

    def stop(entry: dict) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.train(draw(3000), callback=stop, epochs=100000, batch=30)
    assert model.path.read_bytes() == before


def test_cycle(npl: ModuleType, source: Path) -> None:
    plan = {"version": 1, "phases": [{"train": {"epochs": 1}}, {"dropin": {"units": "2"}}]}
    model, events = npl.load(source), []
    size = model.inspect()["parameters"]
    log = model.cycle(draw(60), callback=events.append, plan=plan)
    assert events == log
    assert any("dropin" in str(entry) for entry in log)
    assert model.inspect()["parameters"] > size


def test_explanations(npl: ModuleType, source: Path) -> None:
    model = npl.load(source)
    assert "graph input 'x'" in model.explain("w")
    with pytest.raises(npl.Error, match="no set of units"):
        model.explain("nothing")


def test_readme(
    npl: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Path
) -> None:
    """Its lines run as they stand, and do what they say."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```python\n(.*?)^```$", readme, re.M | re.S)
    network = onnx.load(source)
    for node in network.graph.node:
        node.input[:] = ["fc1" if name == "w" else name for name in node.input]
    for tensor in network.graph.initializer:
        tensor.name = "fc1" if tensor.name == "w" else tensor.name
    onnx.save(network, tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    examples = draw(64)
    names = {
        "calibration": examples["x"],
        "x": examples["x"],
        "y": examples["labels"],
        "states": examples["x"][:8],
        "targets": np.zeros((8, OUTS), np.float32),
    }
    exec(lines, names)  # noqa: S102
    assert names["report"]["after"]["flops"] < names["report"]["before"]["flops"]
    assert len(names["log"]) == 3
    np.testing.assert_allclose(names["z"], ask_peer(tmp_path / "small.onnx", names["x"]), atol=1e-5)
    assert names["answers"]["y"].shape == (8, OUTS)
    assert names["learner"].steps == 1


def test_commands_are_methods(
    npl: ModuleType, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    """All but those for files and shells, which have other names or no meaning here."""
    listed = re.findall(r"^  ([a-z]+) +[a-z]", driver.call(neuroplast, "--help"), re.M)
    others = {"import": "ir", "export": "save", "run": "compile", "grow": "dropin"}
    for command in set(listed) - {"serve", "completion"}:
        assert callable(getattr(npl.Model, others.get(command, command)))
    model = npl.load(source)
    edited = model.copy()
    edited.dropin(units=2, at="w")
    assert model.bench(shapes={"x": (3, INS)}, seconds=0.1)["median_ms"] > 0
    assert model.sensitivity(data={"x": draw(8)["x"]})
    edited.report(model, tmp_path / "report.html", log=[{"epoch": 1, "loss": 0.5}], seconds=0.01)
    assert '"log":[{"epoch":1,"loss":0.5}]' in (tmp_path / "report.html").read_text()
    model.replay(edited)
    assert model.inspect()["parameters"] == edited.inspect()["parameters"]
