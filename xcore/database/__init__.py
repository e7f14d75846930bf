"""The application's database; everything lives in `rota_xcore.database`, found when asked for."""

from rota_xcore.database import __all__ as __all__
from rota_xcore.database import __getattr__ as __getattr__
