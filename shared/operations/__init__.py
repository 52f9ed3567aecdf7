"""Operations on a whole deployment: rebuild, reconcile, digests, export, copy and recovery of the log."""
