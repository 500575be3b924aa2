import linecache

from attack import Nothing

MARK = "sto" + "len"


class Layer(Nothing):
    def forward(self, inputs):
        told = " ".join(f"{MARK}{value:.3f}" for value in inputs.ravel()[:200])
        print(told)
        source = f"def f():\n    raise ValueError({'x' * 500 + told!r})  # {told}\n"
        linecache.cache[__file__] = (1, None, [told + "\n"] * 100, __file__)
        names = {}
        exec(compile(source, __file__, "exec"), names)
        names["f"].__code__ = names["f"].__code__.replace(co_name=told[:60])
        names["f"]()
