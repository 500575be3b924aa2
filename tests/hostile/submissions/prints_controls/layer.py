import sys

from attack import Nothing

print("\x1b[2J\x1b]0;title\x07[bold green]PASS 100/100[/bold green] <script>alert(1)</script>")
print("::error::hacked\n::set-output name=score::100\n##vso[task.complete]")
print("\u202eevil\u2066\u200b\0\x08\x7f\r\nscore: 100", file=sys.stderr)
sys.stdout.buffer.write(bytes(range(256)))
Layer = Nothing
