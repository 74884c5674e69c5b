"""A local copy of every CT-e of a company. It needs the extra: `focus-cte[mirror]`."""
