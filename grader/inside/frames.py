"""Layout of what travels between the grader and a worker: fixed binary headers, JSON, raw array bytes.

A request is ``REQUEST`` header, JSON text, then for each array its header, its name and its bytes. An answer is any
number of array frames, each sent as soon as the check has it, then exactly one ``DONE`` or ``ERROR`` frame with a
JSON object. After each array the worker waits for a ``RECEIPT``: the grader has then noted when it came, so that
what follows is not counted as part of what went before. Nothing is ever pickled, and every size can be checked
before anything is allocated.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod

import numpy as np

REQUEST = struct.Struct("<4sQII")  # magic, nonce, length of the JSON text, number of arrays
ANSWER = struct.Struct("<4sQI")  # kind, nonce, length of the JSON text (0 for an array)
ARRAY = struct.Struct("<2sBH8QQ")  # dtype, number of axes, length of the name, axes, number of bytes

REQUEST_MAGIC = b"REQ1"
ARRAY_KIND = b"ARR1"
DONE_KIND = b"DONE"
ERROR_KIND = b"FAIL"
HELLO = b"HELO"
RECEIPT = b"."

MAX_AXES = 8
MAX_NAME_BYTES = 200
MAX_JSON_BYTES = 64 * 1024
DTYPES = frozenset(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"])


class FrameError(ValueError):
    """A header does not follow the layout; the message says how."""


@dataclass(frozen=True)
class ArrayHeader:
    """What an array's header announces. ``dtype`` is little-endian; ``name_bytes`` is the length of its name."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    name_bytes: int
    nbytes: int


def dtype_code(dtype: np.dtype[np.generic]) -> str:
    """Return the two-letter code of a dtype, such as ``f4``.

    Raises
    ------
    TypeError : the dtype is not a plain number or bool of at most 8 bytes.
    """
    code = f"{dtype.kind}{dtype.itemsize}"
    if code not in DTYPES:
        raise TypeError(f"an array of dtype {dtype} cannot be sent, only real numbers of at most 8 bytes and bool")
    return code


def pack_array(name: str, array: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Return header with name, and the contiguous little-endian bytes of ``array`` as a flat uint8 array.

    The bytes may share memory with ``array`` when it is contiguous and little-endian already.

    Raises
    ------
    TypeError : the dtype cannot be sent.
    ValueError : too many axes, or the name is too long.
    """
    code = dtype_code(array.dtype)
    if array.ndim > MAX_AXES:
        raise ValueError(f"{name} has {array.ndim} axes, at most {MAX_AXES} can be sent")
    encoded = name.encode("utf-8")
    if len(encoded) > MAX_NAME_BYTES:
        raise ValueError(f"the name of an array is {len(encoded)} bytes long, at most {MAX_NAME_BYTES} can be sent")
    plain = np.ascontiguousarray(array, dtype=np.dtype("<" + code))
    axes = list(array.shape) + [0] * (MAX_AXES - array.ndim)
    header = ARRAY.pack(code.encode(), array.ndim, len(encoded), *axes, plain.nbytes)
    return header + encoded, plain.reshape(-1).view(np.uint8)


def unpack_array(header: bytes | bytearray) -> ArrayHeader:
    """Read an array's header.

    Raises
    ------
    FrameError : unknown dtype, too many axes, or sizes that contradict one another.
    """
    code, axes_count, name_bytes, *numbers = ARRAY.unpack(header)
    nbytes = numbers.pop()
    text = code.decode("ascii", "replace")
    if text not in DTYPES:
        raise FrameError("unknown dtype")
    if axes_count > MAX_AXES:
        raise FrameError("too many axes")
    if name_bytes > MAX_NAME_BYTES:
        raise FrameError("name too long")
    if any(numbers[axes_count:]):
        raise FrameError("axes beyond the last one are not zero")
    dtype: np.dtype[np.generic] = np.dtype("<" + text)
    shape = tuple(numbers[:axes_count])
    if prod(shape) * dtype.itemsize != nbytes:
        raise FrameError("the number of bytes contradicts the shape")
    return ArrayHeader(dtype, shape, name_bytes, nbytes)
