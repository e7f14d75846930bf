"""This node among the others: identity, heartbeat, dead nodes, shutdown."""
