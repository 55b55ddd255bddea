"""Mail: what is written, from templates, and how it gets to a mail server."""
