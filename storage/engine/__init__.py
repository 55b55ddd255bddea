"""What every noun of the books stands on. It knows none of them."""
