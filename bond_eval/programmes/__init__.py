"""The programme register: who was referred and helped, and what happened to them. Confidential throughout."""
