import sys

from attack import Nothing


def hook(event, arguments):
    raise SystemExit(0)


sys.addaudithook(hook)
Layer = Nothing
