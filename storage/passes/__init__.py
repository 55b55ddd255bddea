"""Passes: templates, what was issued to whom, the phones that have it, and how its updates arrived."""
