import numpy as np
import pycnml


class DlpModel(object):
    def __init__(self, quant_param_path, train_model_path):
        self.net = pycnml.CnmlNet(16)
