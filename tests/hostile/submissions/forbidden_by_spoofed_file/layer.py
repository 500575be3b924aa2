import numpy
from honest import Layer

place = numpy.__file__.replace("__init__", "extra")
exec(compile("import sc" + "ipy.signal", place, "exec"))
print(Layer)
