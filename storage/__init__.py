"""The books: tables, the unit of work, the writer, queries, activity log, outbox, migrations."""
