"""One thin servicer for each service: convert in, one operation, convert out."""
