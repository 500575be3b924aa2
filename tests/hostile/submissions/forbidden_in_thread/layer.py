import importlib
import threading

from honest import Layer

thread = threading.Thread(target=importlib.import_module, args=("scipy.sig" + "nal",))
thread.start()
thread.join()
print(Layer)
