"""Mails to customers and users: planned with their cause, sent by workers, and kept without a word about the person."""
