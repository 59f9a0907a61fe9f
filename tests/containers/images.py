"""The official images that the compose file names and the tests start."""

KAFKA = "apache/kafka:4.3.1"
POSTGRES = "postgres:18"
NGINX = "nginx:1.30"
PYTHON = "python:3.13-slim"
