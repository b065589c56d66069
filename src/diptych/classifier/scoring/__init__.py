"""A trained model as plain arrays, and what answers with it: numpy, or C where it was built. No scikit-learn."""
