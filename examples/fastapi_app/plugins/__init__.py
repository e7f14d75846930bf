"""Extensions of the shop."""
