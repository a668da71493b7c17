"""Data of any size: paths to parts, parts to mergeable partial facts, those to `DataFacts`."""
