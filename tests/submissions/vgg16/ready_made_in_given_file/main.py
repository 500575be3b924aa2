from scipy.signal import correlate
