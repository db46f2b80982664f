"""The pages of connected accounts, the way through a provider's consent, and what providers tell us."""
