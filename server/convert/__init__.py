"""Between the contract's messages and the values of rules and storage. One noun a file; nothing is decided here."""
