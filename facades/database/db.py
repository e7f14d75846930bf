"""Sessions and engine of the application's database; everything lives in `rota.database`.

A name is found when it is asked for, `engine` is built then; importing this opens nothing.
"""

from rota.database import __all__ as __all__
from rota.database import __getattr__ as __getattr__
