"""What TCP is: the state machine, the header, the arithmetic of sequence numbers. Floor 0, standard library only."""
