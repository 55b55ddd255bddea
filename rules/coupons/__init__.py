"""Coupons: codes, what they give, when and how often they may be used, and what an order with several of them gets."""
