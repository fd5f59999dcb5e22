"""A compiler for neural networks whose structure changes.

Models are read from ONNX, cut, grown, trained, compiled and written back::

    import neuroplast as npl

    model = npl.load("model.onnx")
    report = model.prune(target_flops="0.5x", data=calibration)
    function = model.compile(shapes={"x": (1, 3, 224, 224)})
    y = function(x)
    model.save("small.onnx")

Whatever the command line can do, a model can: methods are its commands, and
keyword arguments their options, with underscores for dashes.
"""

from neuroplast._native import Error
from neuroplast.function import Function
from neuroplast.learner import Learner
from neuroplast.model import Model, load

Error.__doc__ = "Why something failed, as the command line says it: with file, node and reason."

__all__ = ["Error", "Function", "Learner", "Model", "load"]
