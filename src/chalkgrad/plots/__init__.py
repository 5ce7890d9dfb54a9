"""Pictures of numbers: learning curves, kernels, confusion matrix, misread images."""
