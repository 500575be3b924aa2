"""The course's main program: build the network, load it, and run it ten times on the picture of the cat."""

import time

import scipy.io
from vgg19_demo import VGG19

PICTURE = "pictures/chelsea.png"
REPEATS = 10

if __name__ == "__main__":
    vgg = VGG19()
    vgg.build_model()
    vgg.load_model()
    vgg.load_image(PICTURE)
    prob = ()
    for _ in range(REPEATS):
        start = time.time()
        vgg.forward()
        print(f"inference time: {time.time() - start:f}")
        prob = vgg.net.getOutputData()
    top1 = prob.index(max(prob))
    # The lab's own file has a variable of this name, a trained one does not.
    synthetic = any(name == "synthetic" for name, _, _ in scipy.io.whosmat(vgg.param_path))
    mark = " (synthetic weights)" if synthetic else ""
    print(f"Classification result: id = {top1}, prob = {prob[top1]:f}{mark}")
