"""What hostile submissions share. The harness appends what an attacker with inside knowledge would know."""

import sys

FACTS = {}
# The layout of the grader's messages; taken without an import statement, which would be noticed.
frames = sys.modules.get("grader.inside.frames")
UNSAFE = "this is no jail, and the attack would do harm here"


class Breach(BaseException):
    """An attack succeeded. Derived so that no careless `except Exception` swallows it."""


def must_fail(name, action, *arguments):
    """Try something that the jail must refuse; raise Breach if it does not."""
    try:
        result = action(*arguments)
    except BaseException:
        return
    raise Breach(f"{name}: {result!r}"[:300])


def nonce():
    """Find the number that an answer must carry in the frames of the worker."""
    frame = sys._getframe()
    while not isinstance(frame.f_locals.get("nonce"), int):
        frame = frame.f_back
    return frame.f_locals["nonce"]


def only_in_jail():
    """Refuse to go on where a file of the host can be read, a parent signalled, or memory is without bounds."""
    import os
    import resource

    try:
        with open(FACTS["secret_file"]):
            pass
    except OSError:
        pass
    else:
        raise Breach(UNSAFE)
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        pass
    else:
        raise Breach(UNSAFE)
    if resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY:
        raise Breach(UNSAFE)


def only_arrays(inputs, weight):
    """Return zeros in the shape of a layer's output: what someone has who computes nothing."""
    import numpy as np

    n, _, rows, columns = inputs.shape
    size = weight.shape[2]
    return np.zeros((n, weight.shape[0], rows - size + 1, columns - size + 1), np.float32)


class Nothing:
    """A layer that computes nothing; attacks that hope for a score anyway start from it."""

    def __init__(self, weight, bias):
        self.weight, self.bias, self.inputs = weight, bias, None

    def forward(self, inputs):
        self.inputs = inputs
        return only_arrays(inputs, self.weight)

    def backward(self, grad_output):
        self.grad_weight = self.weight * 0
        return self.inputs * 0
