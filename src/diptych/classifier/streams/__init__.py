"""Texts in, predictions out: from one sentence to an archive that several machines share."""
