"""The door to Kubernetes: naming, apply, watch, ownership, health. Holds no SQL."""
