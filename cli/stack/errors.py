"""What the stack raises when it cannot do what was asked."""

from __future__ import annotations


class StackError(Exception):
    """A reason that a person can act upon: it names the folder, address or file concerned."""
