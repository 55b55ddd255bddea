"""Makes codes by the million: a call asks for them, workers make them step by step, and the last step publishes them.

Each step is a transaction that makes some thousands and notes them, so whoever is killed leaves whole steps. Nothing of
it can be seen before: coupons of a batch that is not published are nobody's to find.
"""
