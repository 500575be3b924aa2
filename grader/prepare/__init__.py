"""Makes, converts and caches the parameters of full-size networks, and other large inputs of labs."""
