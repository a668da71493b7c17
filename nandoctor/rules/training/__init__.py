"""Rules about how a model is trained: learning rate, optimizer, loss scale, batches, evaluation."""
