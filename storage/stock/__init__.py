"""How often something may be had in all, counted by slots, so that many count at once and none too many."""
