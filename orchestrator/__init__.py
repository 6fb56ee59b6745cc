"""Launch agents, and leave no process behind."""
