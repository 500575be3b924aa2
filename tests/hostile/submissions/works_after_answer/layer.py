import threading

from honest import Layer


def burn():
    while True:
        sum(range(1000))


for _ in range(4):
    threading.Thread(target=burn, daemon=True).start()
