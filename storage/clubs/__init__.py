"""Clubs: groups of customers, cards and rewards of a program."""
