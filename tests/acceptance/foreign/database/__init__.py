"""A `database` package of the user's own; it has nothing to do with rota."""

OWNER = "the user"
