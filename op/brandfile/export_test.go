package brandfile

// ReadPlaced is the way of ReadConsumer that tells where the faults are.
func ReadPlaced(data []byte) (*Entry, Faults) { return readPlaced(data) }
