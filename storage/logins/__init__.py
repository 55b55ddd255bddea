"""How users are let in: passwords, second factors, challenges, codes that are mailed, and logins."""
