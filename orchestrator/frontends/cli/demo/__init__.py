"""``orchestrator demo``: the main job in one command, counted from outside."""
