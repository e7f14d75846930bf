"""Who uses the shop."""
