"""What quality is: the facts, the checks that measure, and the judgement over them."""
