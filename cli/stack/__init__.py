"""The embedded stack: real Kafka and real PostgreSQL without Docker, root or system packages.

For a broker or a database of one's own (a test, a measurement): `cli.stack.broker.start_broker` and
`cli.stack.postgres.start_postgres`. To add a process to the running stack: `cli.stack.services.start_service`.
"""
