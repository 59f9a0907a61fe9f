"""The tests: unit (no sockets), integration (real Kafka and PostgreSQL), end to end (real processes), browser."""
