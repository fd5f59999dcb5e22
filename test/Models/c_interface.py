"""The C interface of a compiled library, as ctypes sees it."""

from __future__ import annotations

import ctypes

import numpy as np

MAX_RANK = 16

# Element types of the interface.
DTYPES = {"float32": 1, "int64": 7}


class Tensor(ctypes.Structure):
    """NeuroplastTensor."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("capacity", ctypes.c_int64),
        ("dtype", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("shape", ctypes.c_int64 * MAX_RANK),
    ]


def describe(array: np.ndarray, with_data: bool = True) -> Tensor:
    """A view of an array, which has to outlive it."""
    shape = (ctypes.c_int64 * MAX_RANK)(*array.shape)
    data = array.ctypes.data if with_data else None
    return Tensor(data, array.nbytes, DTYPES[array.dtype.name], array.ndim, shape)
