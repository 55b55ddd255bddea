"""The outbox: work for the workers, written with its cause."""
