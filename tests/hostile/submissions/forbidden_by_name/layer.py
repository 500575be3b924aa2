import builtins

from honest import Layer

getattr(builtins, "__imp" + "ort__")("sci" + "py")
print(Layer)
