"""Networks and partners: whose programs are."""
