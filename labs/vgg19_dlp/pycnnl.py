"""Explains itself to programs that were written for another year's library."""

raise ImportError("pycnnl is the float library of a later year; this lab uses pycnml")
