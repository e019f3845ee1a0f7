"""What people decide: exam items, policy, vocabulary synonyms, service settings."""
