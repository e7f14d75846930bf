"""Users of the shop."""
