import pydoc

from honest import Layer

print(pydoc.locate("scipy.sig" + "nal"), Layer)
