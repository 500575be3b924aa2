import mmap

from attack import Nothing, only_in_jail


class Layer(Nothing):
    def forward(self, inputs):
        only_in_jail()
        hoard = []
        for _ in range(400):
            area = mmap.mmap(-1, 1 << 24, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
            area.write(b"x" * (1 << 24))
            hoard.append(area)
