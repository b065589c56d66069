"""Gold labels → a model, with scikit-learn: the estimator, its material, and what a run keeps for the next."""
