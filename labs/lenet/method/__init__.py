"""Given: activation functions, initial weights and optimisers, each made from its name."""
