"""The activity log: who did what to whom, in the transaction of the deed."""
