import os

os._exit(71)
