"""Acts under approval: somebody asks for them, and others say yes before they are carried out."""
