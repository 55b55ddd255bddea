"""Reads files of codes that somebody else made: as a stream, line by line, whatever is in them."""
