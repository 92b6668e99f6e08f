"""What a network in training sees of each photo: varied, enlarged, in batches."""
