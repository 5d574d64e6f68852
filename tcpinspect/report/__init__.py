"""Text, Markdown and self-contained HTML about an analysis. Floor 4. Reading: none; every number comes from the tables."""
