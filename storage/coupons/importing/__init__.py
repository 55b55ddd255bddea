"""Takes codes that somebody else made: line by line into a batch that nobody sees, which is published with the answer.

What is in hand is a piece of the file; what is known of the lines before stands in the books. Where a stream breaks,
its batch is discarded, by whoever held it or, once no import can last so long, by a task.
"""
