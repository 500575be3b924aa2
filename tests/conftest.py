"""Options of the whole suite; the locale of whoever runs it does not count."""

import os

for _name in ("LANGUAGE", "LC_MESSAGES", "LANG"):
    os.environ.pop(_name, None)
os.environ["LC_ALL"] = "C.UTF-8"


def pytest_addoption(parser):
    """Add ``--all-golden``: also the golden submissions that take minutes."""
    parser.addoption("--all-golden", action="store_true", help="also run golden submissions marked `extended`")
