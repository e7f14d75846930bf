"""Users' sessions in the database."""

from datetime import datetime

from database.db import Base
from sqlalchemy.orm import Mapped, mapped_column


class UserSession(Base):
    """A logged-in user; times are in UTC and naive, as SQLite stores them."""

    __tablename__ = "user_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
