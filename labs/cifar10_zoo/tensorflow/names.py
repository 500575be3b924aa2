"""How a name of TensorFlow is answered: by the submission's own module, when it is asked for."""

import importlib
import sys


def answered(place, table, more=()):
    """Return a module's ``__getattr__``.

    Parameters
    ----------
    place : str
        What the module is called in messages, such as ``tf.keras.layers``.
    table : dict
        Name to (module, name there).
    more : sequence of str
        Other names that the module has.
    """

    def find(name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in table:
            known = ", ".join(sorted([*table, *more]))
            raise ImportError(
                f"{place}.{name} is not in this lab, where TensorFlow's names stand for your own layers; {place} has: {known}"
            )
        module, own = table[name]
        value = getattr(importlib.import_module(module), own, None)
        if value is None:
            raise ImportError(f"{place}.{name} stands for `{own}` of {module}.py, which has nothing of that name")
        return value

    return find


class Missing:
    """Answers the import of a module of TensorFlow that is not here; it is asked last."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Raise an error that says what is here in place of TensorFlow; leave all other names alone."""
        if not name.startswith("tensorflow."):
            return
        owner, _, last = name.rpartition(".")
        # The module around it says what it has.
        getattr(sys.modules[owner], last)


def explain_missing_modules():
    """Let an import of what is not here be answered as a name is."""
    if not any(finder is Missing for finder in sys.meta_path):
        sys.meta_path.append(Missing)
