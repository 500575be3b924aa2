### OVER im2col
"""The operators are those of `im2col`."""
