"""The grader: compares hand-written layers with recorded fixtures, scores them and explains what is wrong.

Only the version lives here: this file is also read inside the jail, where nothing else of the grader exists.
"""

__version__ = "0.1.0"
