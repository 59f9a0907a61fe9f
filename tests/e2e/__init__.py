"""Tests from outside: real processes, started as an operator would, spoken to as an app would."""
