"""Functions are found by the names of what they stand in."""

import ast

from grader.project.functions import functions_of, innermost

SOURCE = """\
class Layer:
    def forward(self):
        def window():
            return 1
        return window()

if fast:
    async def load():
        pass
total = 1
"""


def test_functions_are_found_by_dotted_names_wherever_they_stand():
    """In classes, in other functions, and under an `if`; a line belongs to the innermost one."""
    found = functions_of(ast.parse(SOURCE))
    assert list(found) == ["Layer.forward", "Layer.forward.window", "load"]
    lines = [innermost(found, number) for number in range(1, len(SOURCE.splitlines()) + 1)]
    assert lines == [
        "",
        "Layer.forward",
        *["Layer.forward.window"] * 2,
        "Layer.forward",
        "",
        "",
        "load",
        "load",
        "",
    ]


def test_a_deep_expression_is_no_matter():
    """It is not walked through."""
    assert list(functions_of(ast.parse("x = 1" + " + 1" * 1500 + "\ndef f(): pass"))) == ["f"]
