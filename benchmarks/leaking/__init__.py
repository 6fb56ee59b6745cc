"""Who leaves processes behind: agents with nasty habits, and every way in which they can end."""
