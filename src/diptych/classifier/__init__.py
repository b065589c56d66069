"""From gold labels to predictions: trained with scikit-learn, used without it."""
