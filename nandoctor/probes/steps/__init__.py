"""A Subject and batches to StepFacts: trace, interpret op by op, attribute, find the rows."""
