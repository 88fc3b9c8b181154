"""The door to Postgres: schema, routines, and the only Python that holds SQL text."""
