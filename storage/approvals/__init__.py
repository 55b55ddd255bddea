"""Acts under approval: the rules, and what was asked for under them."""
