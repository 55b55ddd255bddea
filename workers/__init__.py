"""The background edge: relays tasks to the broker, works on them, and sees to it that what is due is done."""
