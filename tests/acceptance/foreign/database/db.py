"""The user's own engine and sessions."""

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, sessionmaker

engine = create_engine("sqlite:///theirs.db")
SessionLocal = sessionmaker(engine)


class Base(DeclarativeBase):
    """The base class of the user's models."""
