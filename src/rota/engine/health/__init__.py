"""The health of this node, judged by what was done and what is due."""
