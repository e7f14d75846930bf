"""The application's configuration; everything lives in `rota.config`."""

from rota.config import Xcorecfg

__all__ = ["Xcorecfg"]
