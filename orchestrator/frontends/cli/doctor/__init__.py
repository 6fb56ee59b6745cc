"""``orchestrator doctor``: what this machine offers, how the workspace is, what is left over."""
