"""The rows of the table, a file for each kind of work. A function takes a stage, measures in turns, and yields rows."""
