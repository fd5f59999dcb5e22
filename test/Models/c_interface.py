"""The C interface of a compiled library, as ctypes sees it."""

from __future__ import annotations

import ctypes
from pathlib import Path

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


class Run(ctypes.Structure):
    """NeuroplastRun."""

    _fields_ = [
        ("inputs", ctypes.POINTER(Tensor)),
        ("outputs", ctypes.POINTER(Tensor)),
        ("params", ctypes.POINTER(Tensor)),
        ("workspace", ctypes.c_void_p),
    ]


class Info(ctypes.Structure):
    """NeuroplastModelInfo."""

    _fields_ = [
        ("abi_version", ctypes.c_int32),
        ("num_inputs", ctypes.c_int32),
        ("num_outputs", ctypes.c_int32),
        ("sizes_need_data", ctypes.c_int32),
        ("inputs", ctypes.c_void_p),
        ("outputs", ctypes.c_void_p),
        ("num_params", ctypes.c_int32),
        ("params", ctypes.c_void_p),
        ("fingerprint", ctypes.c_char_p),
        ("workspace_bytes", ctypes.c_int64),
    ]


def load(library: Path) -> ctypes.CDLL:
    """A library with the types of what its functions return."""
    loaded = ctypes.CDLL(str(library))
    loaded.neuroplast_info.restype = ctypes.POINTER(Info)
    loaded.neuroplast_params.restype = ctypes.POINTER(Tensor)
    loaded.neuroplast_error.restype = ctypes.c_char_p
    return loaded
