from honest import Layer
from scipy.signal import correlate

print(Layer, correlate)
