"""What the tables mean: outcomes, findings, what is worth a look, and the words for it. Floor 3."""
