"""Gives a coupon of a campaign to each of many customers: a call says to whom, workers do it step by step."""
