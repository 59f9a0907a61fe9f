"""Containers: what the tests start with Docker, and stand-ins for the official images where no registry is reached."""
