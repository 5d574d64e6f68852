"""The laboratory: segments crafted, endpoints played, real kernels asked. A wing: only the command and the package's door enter it."""
