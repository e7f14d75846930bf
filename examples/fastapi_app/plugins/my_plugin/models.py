"""Products in the database."""

from typing import Any

from database.db import Base
from sqlalchemy.orm import Mapped, mapped_column


class Product(Base):
    """Something that is for sale; the price is in cents."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[int]

    def to_dict(self) -> dict[str, Any]:
        """Return what the cache keeps, as JSON can hold it."""
        return {"id": self.id, "name": self.name, "price": self.price}
