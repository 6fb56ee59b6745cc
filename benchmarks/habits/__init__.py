"""Programs that agents run, each with habits of its own."""
