import builtins
import sys

from attack import Nothing

for name in ("isinstance", "len", "type", "memoryview", "Exception", "BaseException", "str", "getattr", "int"):
    setattr(builtins, name, None)
sys.modules.clear()
sys.meta_path.clear()
Layer = Nothing
