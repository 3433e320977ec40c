"""Read and check what an authority supplies. Every problem is an issue: file, line, column, what was done."""
