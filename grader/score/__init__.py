"""From findings to verdicts, from verdicts to tiers, and the document that holds them."""
