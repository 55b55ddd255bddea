"""What is allowed and what follows from it: pure functions over values. No I/O, no clock, no tables."""
