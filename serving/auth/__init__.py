"""Who may come in: roles, accounts of people, keys of programs, and how often they may ask."""
