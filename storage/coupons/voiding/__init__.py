"""Ends the use of all coupons of a campaign that match: a call says which, workers do it step by step."""
