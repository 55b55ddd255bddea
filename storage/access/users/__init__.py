"""People who log in, as those see and change them who administer users."""
