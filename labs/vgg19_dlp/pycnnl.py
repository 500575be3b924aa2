"""Explains itself to programs that were written for another year's library."""

raise ImportError(
    "pycnnl is the library of a later year: float32, channels last, without quantisation. This lab is built on pycnml, "
    "which computes with 8-bit integers: see section 3 of the README"
)
