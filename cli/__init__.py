"""`fealty …`: starts the processes, and what operators type."""
