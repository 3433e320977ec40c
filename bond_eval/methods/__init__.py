"""Statistics only: numbers in, a small frozen result out; nothing here knows of children or councils."""
