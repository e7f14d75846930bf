"""How this node is, judged by what was done and what is due."""
