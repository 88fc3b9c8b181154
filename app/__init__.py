"""The HTTP API: thin over Postgres, with no access to any cluster."""
