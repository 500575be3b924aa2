import os
import pickle
import tempfile


class Payload:
    def __reduce__(self):
        return (exec, ("raise BaseException('Breach: a planted cache was read')",))


from honest import Layer

poison = pickle.dumps(Payload())
for folder in (os.environ.get("NUMBA_CACHE_DIR", ""), tempfile.gettempdir(), os.path.dirname(__file__), "/dev/shm"):
    for name in ("honest.forward-1.py311.nbi", "layer.forward-1.py311.nbi", "numpy.py", "sitecustomize.py"):
        try:
            os.makedirs(folder, exist_ok=True)
            with open(f"{folder}/{name}", "wb") as file:
                file.write(poison)
        except OSError:
            pass
