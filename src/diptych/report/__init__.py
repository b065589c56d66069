"""Tables and sentences → one HTML file that opens without a network."""
