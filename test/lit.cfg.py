"""Configuration of the IR tests: plain tool names stand for the built tools."""

# ruff: noqa: F821  (lit defines `config` and `lit_config`)

import os

import lit.formats

config.name = "Neuroplast"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".onnxtext", ".test"]
config.excludes = ["Inputs", "EndToEnd", "Conformance", "Benchmark", "Models", "Property", "Unit"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.neuroplast_obj_root, "test")
config.environment["PATH"] = os.pathsep.join(
    [
        config.neuroplast_tools_dir,
        config.llvm_tools_dir,
        os.path.dirname(config.python),
        os.environ["PATH"],
    ]
)
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%src", config.neuroplast_src_root))
