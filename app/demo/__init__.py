"""``hotline demo``: four real requests through the real entrances, and one ticket to the end of its way."""
