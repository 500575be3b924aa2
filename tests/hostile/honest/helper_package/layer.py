from mine import Layer

__all__ = ["Layer"]
