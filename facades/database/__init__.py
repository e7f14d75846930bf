"""The application's database; everything lives in `rota.database`, found when asked for."""

from rota.database import __all__ as __all__
from rota.database import __getattr__ as __getattr__
