from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import json
import math
import os
import pathlib
import random
import re
import time
import typing

from honest import Layer as Honest

modules = (collections, contextlib, itertools, json, math, os, pathlib, random, re, time, typing)


@dataclasses.dataclass
class Layer(Honest):
    weight: typing.Any
    bias: typing.Any
    started: float = dataclasses.field(default_factory=time.perf_counter)
