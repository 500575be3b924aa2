import linecache

from attack import FACTS, Nothing

NAME = "/opt/stage/grader/grading.py"
SOURCE = "def judge():\n    raise ValueError('expected 0.5')\n"
linecache.cache[NAME] = (len(SOURCE), None, SOURCE.splitlines(True), NAME)
names = {}
exec(compile(SOURCE, NAME, "exec"), names)
linecache.cache[__file__] = (1, None, ["\x1b[31m\u202e secret line\n"] * 100, __file__)


class Layer(Nothing):
    def forward(self, inputs):
        names["judge"]()
