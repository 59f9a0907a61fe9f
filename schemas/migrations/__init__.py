"""Numbered SQL files, and the runner that applies them once, in order, under a lock."""
