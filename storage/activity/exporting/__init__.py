"""The log as a file: which activities, fixed once, and how each is written."""
