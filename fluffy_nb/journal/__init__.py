"""Keeping runs: what to write, where, and how to go back."""
