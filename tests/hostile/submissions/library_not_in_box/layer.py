import sys

from attack import FACTS, Breach
from honest import Layer

for name in ("torch", "cv2", "rich", "pydantic", "pip", "grader.grading", "tests.golden", "reference"):
    try:
        __import__(name[:2] + name[2:])
    except ImportError:
        continue
    raise Breach(name)
sys.path[:0] = [FACTS["solution"], FACTS["project"], FACTS["checkout"], FACTS["packages"]]
__import__("ri" + "ch")
