"""What services call with, what roles they and people hold, and for whom they act."""
