from attack import FACTS, Nothing

names = {}
exec(compile("def leak():\n    raise ValueError\n", FACTS["secret_file"], "exec"), names)


class Layer(Nothing):
    def forward(self, inputs):
        names["leak"]()
