"""Whether new texts are like those that a classifier was trained on."""
