"""The texts of mails that bring passes."""
