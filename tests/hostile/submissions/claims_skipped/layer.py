import sys

from attack import Nothing

sys.modules["grader.inside.runner"].describe = lambda error: {
    "verdict": "skipped",
    "message": ["x"],
    "type": {"a": 1},
    "frames": [1, None, {"file": 3, "line": "x", "function": [], "code": {}}, {"line": -1}] * 100,
}


class Layer(Nothing):
    def forward(self, inputs):
        raise ValueError
