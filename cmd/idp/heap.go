package main

// ballastSize is what the heap counts as in use from the start, in bytes.
//
// What the provider keeps in memory is a few megabytes, so the collector would
// run after every few megabytes of garbage, ten times a second when busy. With
// the ballast there are twice its size between two runs. Nothing is ever written
// to it, so it takes none of the machine's memory itself.
//
// A higher GOGC would do the same for the small heap, but would also multiply
// the memory of password hashes (19 MiB each), which is to be had back soon.
const ballastSize = 32 << 20

// newBallast is to be kept alive as long as the provider serves, or imports.
func newBallast() []byte { return make([]byte, ballastSize) }
