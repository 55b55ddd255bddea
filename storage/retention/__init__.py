"""For how long the activity log keeps its bodies: what programs say of it, what is held, and the sweep."""
