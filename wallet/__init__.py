"""Passes in the phones of customers: what they say, Apple's and Google's, the mails that bring them, and the public
endpoints that phones call."""
