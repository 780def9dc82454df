"""Learning sparse dictionaries: SAEs that keep the k best or those above a threshold, nested ones, crosscoders."""
