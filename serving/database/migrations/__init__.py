"""The steps from one shape of the tables to the next, each with its way back, run by Alembic."""
