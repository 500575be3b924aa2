import scipy
from honest import Layer
from scipy.signal import correlate

print(scipy, correlate, Layer)
