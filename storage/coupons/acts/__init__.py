"""What is done with coupons: assigned, reserved, redeemed, given back, voided."""
