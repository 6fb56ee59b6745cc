"""Who is measured; one file for each."""
