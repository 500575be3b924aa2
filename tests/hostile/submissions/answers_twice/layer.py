import os

from attack import frames
from honest import Layer as Honest

write = os.write


def twice(descriptor, data):
    count = write(descriptor, data)
    if descriptor == 3 and bytes(data[:4]) == frames.DONE_KIND:
        write(descriptor, data)
    return count


os.write = twice
Layer = Honest
