"""What two processes must agree on: records, partitioning, positions, routes, tables. A leaf."""
