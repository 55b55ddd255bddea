"""What can be done to points: each act a command with what it needs, what it decides and what it answers."""
