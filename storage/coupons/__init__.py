"""Coupons in the books: campaigns with their versions, coupons, redemptions; what changes and what reads them."""
