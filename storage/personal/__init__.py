"""What persons told us, as the activity log keeps it: beside the records, encrypted, so that it can be erased."""
