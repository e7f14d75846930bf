"""Sessions and engine of the application's database; everything lives in `rota_xcore.database`.

A name is found when it is asked for, `engine` is built then; importing this opens nothing.
"""

from rota_xcore.database import __all__ as __all__
from rota_xcore.database import __getattr__ as __getattr__
