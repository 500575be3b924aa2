import helper
from honest import Layer

print(helper, Layer)
