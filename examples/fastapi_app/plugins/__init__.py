"""What extends the shop."""
