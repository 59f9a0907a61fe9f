"""Serves profile, sidebar and the read API from the projected tables."""
