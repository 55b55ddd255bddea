"""The rules of books that only we wrote, a noun a file: each a sentence, and the query that finds what breaks it.

A query answers (what is at fault, detail). `{a}` and its like stand for "of the program that was asked for", by the
alias of the table.
"""
