"""Watchers: list and watch a cluster, write what is seen to Postgres."""
