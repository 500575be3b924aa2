from attack import FACTS, Nothing

Layer = Nothing
try:
    names = {}
    exec(open(f"{FACTS['solution']}/layer.py").read(), names)
    Layer = names["Layer"]
except OSError:
    pass
