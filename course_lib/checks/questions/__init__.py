"""The explanations of the concept questions, one module a lesson."""
