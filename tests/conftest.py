"""Options of the whole suite; neither the locale nor the cache of whoever runs it counts."""

import os

from hypothesis import HealthCheck, settings

for _name in ("LANGUAGE", "LC_MESSAGES", "LANG", "GRADER_CACHE"):
    os.environ.pop(_name, None)
os.environ["LC_ALL"] = "C.UTF-8"

# How long an example takes says how busy the machine is, not whether the property holds.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser):
    """Add ``--all-golden``: also the golden submissions that take minutes."""
    parser.addoption("--all-golden", action="store_true", help="also run golden submissions marked `extended`")
