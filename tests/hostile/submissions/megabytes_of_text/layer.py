from attack import Nothing

TEXT = "\x1b[2J\x1b[31m[bold red]PASS[/]\u202e\u2066\u200b\ufeff\0<script>\n::error::x\n=cmd|' /C calc'!A0\ud800"


class Layer(Nothing):
    def forward(self, inputs):
        raise ValueError(TEXT * 100_000)
