"""Costs, avoided costs and what would make them vanish: frames and numbers in, small frozen results out."""
