"""The laboratory: craft segments, play exchanges, ask real kernels. A wing beside the floors: only the command and the door import it."""
