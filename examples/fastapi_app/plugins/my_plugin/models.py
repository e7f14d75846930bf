"""Products in the database."""

from typing import Any

from database.db import Base
from sqlalchemy.orm import Mapped, mapped_column


class Product(Base):
    """A product for sale; the price is in cents."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[int]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that the cache keeps."""
        return {"id": self.id, "name": self.name, "price": self.price}
