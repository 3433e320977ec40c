"""Episodes to placements to periods of care; categories, daily counts, moves, stability and cohorts."""
