"""Pictures for people, by matplotlib: takes arrays and words, knows nothing of labs, submissions or files.

Nothing here imports matplotlib until something is drawn, so that a command that draws nothing starts no slower.
"""

from grader.drawing.appearance import style, to_png, to_svg
from grader.drawing.bars import draw_groups, draw_layers
from grader.drawing.confusion import draw_confusion
from grader.drawing.curves import Curve, CurveSheet, draw_curves
from grader.drawing.differences import Difference, Plane, draw_difference

__all__ = [
    "Curve",
    "CurveSheet",
    "Difference",
    "Plane",
    "draw_confusion",
    "draw_curves",
    "draw_difference",
    "draw_groups",
    "draw_layers",
    "style",
    "to_png",
    "to_svg",
]
