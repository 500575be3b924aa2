"""What Numba's commonest errors mean, in one sentence: they speak of types, a student thinks of arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping

from grader.inside.endings import INSIDE_NUMBA
from grader.language.translation import marked

ERROR_TYPES = frozenset(
    [
        "TypingError", "LoweringError", "UnsupportedError", "UnsupportedBytecodeError", "NumbaTypeError",
        "NumbaValueError", "UnsupportedRewriteError", "ConstantInferenceError", "RequireLiteralValue",
        "NotDefinedError", "InternalError", "UnsupportedParforsError", "NumbaNotImplementedError",
    ]
)  # fmt: skip
MAKERS = r"(?:zeros|ones|empty|full)"
# Patterns of the text that a worker sends (`grader.inside.endings`), the telling ones first. Their named groups are
# the values of the sentence.
SENTENCES: tuple[tuple[str, str], ...] = (
    (
        rf"^(?P<name>{MAKERS})\((?:reflected )?list",
        marked("A shape is a tuple in compiled functions: `np.{name}((a, b))`, with round brackets inside."),
    ),
    (
        rf"^(?P<name>{MAKERS})\((?:float|[\w]*Tuple\([^)]*float)",
        marked("A size is a float here: compute it with `//`, or take `int(…)` of it."),
    ),
    (
        r"Unsupported array index type float|^getitem\(array\(.*float\d+\)+$",
        marked("An index is a float here: compute it with `//`, or take `int(…)` of it."),
    ),
    (
        r"^(?:npy_)?(?P<name>\w+)\(.*[\s\S]*unexpected keyword argument '(?P<option>axis)'",
        marked("`{name}` has no `{option}` in compiled functions: loop over the other axes, or do it outside."),
    ),
    (
        r"^(?:npy_)?(?P<name>\w+)\(.*[\s\S]*unexpected keyword argument '(?P<option>\w+)'",
        marked("`{name}` has no `{option}` in compiled functions: leave it out, or do it outside."),
    ),
    (
        r"unsupported NumPy function 'numpy\.(?P<name>[\w.]+)'",
        marked(
            "Numba does not know `np.{name}`, or not in this use: call it outside of the compiled function, or "
            "write loops."
        ),
    ),
    (
        r"inputs must have compatible dimensions|^(?:dot|matmul)\(.*array\(\w+, [3-9]d",
        marked("In compiled functions `np.dot` and `@` take arrays of one or two axes: reshape them first."),
    ),
    (
        r"global name '(?P<name>\w+)': Cannot determine Numba type of <class 'function'>",
        marked("`{name}` is a plain function: a compiled function calls only what has `@njit` as well."),
    ),
    (
        r"global name '(?P<name>\w+)': Cannot determine Numba type",
        marked("`{name}` is no array and no number: hand over what is needed of it as an argument."),
    ),
    (
        r"argument (?P<number>\d+): Cannot determine Numba type of <class '(?:\w+\.)*(?P<name>\w+)'>",
        marked(
            "Argument {number} (counted from 0) is a `{name}`, which a compiled function cannot take: hand over "
            "arrays and numbers, such as `self.weight` instead of `self`."
        ),
    ),
    (r"NameError: name '(?P<name>\w+)' is not defined", marked("`{name}` is not defined where it is used.")),
    (
        r"reshape\(\) supports contiguous array only|incompatible shape for array",
        marked(
            "In compiled functions `reshape` needs an array that lies in memory as it is read: "
            "`np.ascontiguousarray(…)` first, after a transpose or a slice."
        ),
    ),
    (
        r"array\.reshape for .* with parameters \((?:reflected )?list",
        marked("A shape is a tuple in compiled functions: `.reshape((a, b))`, with round brackets inside."),
    ),
    (
        r"wrong tuple length.*expected (?P<names>\d+), got (?P<values>\d+)",
        marked("There are {names} names on the left of this line, for {values} values."),
    ),
    (
        r"cannot index array\(\w+, (?P<axes>\d+)d, \w\) with (?P<count>\d+) indices",
        marked("The array has {axes} axes, and {count} indices are given."),
    ),
    (
        r"^setitem\((?:Uni)?Tuple",
        marked("A tuple such as `shape` cannot be changed: put the new numbers into a new one."),
    ),
    (
        r"^setitem\(array\(\w+, (?P<axes>\d+)d, \w\), "
        r"UniTuple\((?:int64|Literal\[int\]\(\d+\)) x (?P=axes)\), array\(",
        marked("A whole array is put into a single entry of another one."),
    ),
    (
        r"Unsupported array index type list",
        marked("A list cannot be an index in compiled functions: use a loop."),
    ),
    (
        r"^i?(?:add|sub|mul|truediv|pow)\(.*(?:Literal\[str\]|unicode_type)",
        marked("A text is used where a number is needed."),
    ),
    (r"Variable '(?P<name>\w+)' is not defined", marked("`{name}` is used before it has a value.")),
    (
        r"array\(bool, [2-9]d",
        marked("A mask of several dimensions cannot be an index in compiled functions: use `np.where` or a loop."),
    ),
    (
        r"^\w+\(.*\bnone\b.*\)",
        marked("One of the values is None: something was not set, or a function returned nothing."),
    ),
    (
        r"[Cc]annot unify (?P<first>.+?) and (?P<second>.+?) for '(?P<name>[\w]+)(?:\.\d+)?'",
        marked("`{name}` is {first} in one place and {second} in another: a variable keeps one type."),
    ),
    (
        r"Exception matching is limited",
        marked("Compiled functions catch only `Exception`, no other kind: ask with `if` before it goes wrong."),
    ),
    (
        r"'with \(context manager\)",
        marked("There is no `with` in compiled functions: do that outside of it."),
    ),
    (
        r"f-string|format spec",
        marked("Texts cannot be formatted in compiled functions: print the numbers by themselves."),
    ),
    (
        r"(?:not enough|too many) arguments: expected (?P<wanted>\d+), got (?P<seen>\d+)",
        marked("The function has {wanted} arguments, and is called with {seen}."),
    ),
    (
        r"Unknown attribute '(?P<name>\w+)' of type",
        marked("There is no `.{name}` here in compiled functions."),
    ),
    (
        rf"^{INSIDE_NUMBA}$",
        marked(
            "Numba itself fails on this function. Often that is a mask of several dimensions, as in `y[y < 0] = "
            "0`: use `np.where` or a loop."
        ),
    ),
)  # fmt: skip
# What is said where the values may not be shown.
WITHOUT_VALUES: Mapping[str, str] = {
    r"argument \d+: Cannot determine Numba type of <class": marked(
        "One of the arguments is an object that a compiled function cannot take: hand over arrays and numbers, "
        "such as `self.weight` instead of `self`."
    ),
    r"NameError: name '\w+' is not defined": marked("A name is not defined in the compiled function."),
}


def known_without_values(error_type: str, message: str) -> str:
    """Return a sentence for an error of Numba that repeats nothing of it; empty if there is none."""
    if error_type not in ERROR_TYPES:
        return ""
    return next((text for pattern, text in WITHOUT_VALUES.items() if re.search(pattern, message, re.M)), "")


def known_error(error_type: str, message: str) -> tuple[str, dict[str, str]] | None:
    """Return the sentence for an error of Numba, and the values in its places, which are parts of the message."""
    if error_type not in ERROR_TYPES and not _raised_when_run(error_type, message):
        return None
    for pattern, sentence in SENTENCES:
        found = re.search(pattern, message, re.M)
        if found is not None:
            return sentence, found.groupdict()
    return None


def _raised_when_run(error_type: str, message: str) -> bool:
    """Whether it is one of the few errors of Numba that have a type of Python's own."""
    return (
        (error_type == "NotImplementedError" and "incompatible shape for array" in message)
        or (error_type == "AssertionError" and message == INSIDE_NUMBA)
        or (error_type == "TypeError" and "arguments: expected" in message)
    )
