"""Workers: claim a deployment, make the cluster match it, settle."""
