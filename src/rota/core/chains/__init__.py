"""Chains: tasks that run after others, and the verification of their rows."""
