"""The members of a program."""
