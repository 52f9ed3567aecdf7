"""Files of petitioners and offices: what is accepted, how it is checked, and how it is stored and given out."""
