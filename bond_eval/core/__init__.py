"""Small frozen types, periods, formats and the one atomic writer. Knows no other room."""
