"""How it runs: the `orchestrator` command, the local stack, image and chart."""
