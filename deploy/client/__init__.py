"""The `orchestrator` command as a client of the HTTP API: what scripts and people without psql use."""
