"""Reads of coupons, as time has made them: what nobody redeemed in time is free again, whether or not anybody settled
it."""
