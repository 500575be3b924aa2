import glob
import importlib.machinery
import sys

from honest import Layer

for folder in sys.path:
    for place in glob.glob(f"{folder}/scipy/signal/_sigtools*.so"):
        loader = importlib.machinery.ExtensionFileLoader("_sigtools", place)
        module = loader.create_module(importlib.machinery.ModuleSpec("_sigtools", loader, origin=place))
        print(module, Layer)
