"""Options of the whole suite."""


def pytest_addoption(parser):
    """Add ``--all-golden``: also the golden submissions that take minutes."""
    parser.addoption("--all-golden", action="store_true", help="also run golden submissions marked `extended`")
