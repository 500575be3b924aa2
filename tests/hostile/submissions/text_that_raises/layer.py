from attack import Nothing


class Meta(type):
    @property
    def __name__(cls):
        raise SystemExit(0)

    def __instancecheck__(cls, thing):
        raise SystemExit(0)


class Biting(Exception, metaclass=Meta):
    def __str__(self):
        raise Biting

    __repr__ = __str__

    @property
    def __class__(self):
        raise SystemExit(0)

    @property
    def __traceback__(self):
        raise SystemExit(0)

    @property
    def __cause__(self):
        return self


class Layer(Nothing):
    def forward(self, inputs):
        raise Biting
