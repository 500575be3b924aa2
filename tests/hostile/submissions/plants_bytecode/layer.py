from honest import Layer

__all__ = ["Layer"]
