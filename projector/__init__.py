"""Builds the per-contact timeline tables in PostgreSQL from the topic."""
