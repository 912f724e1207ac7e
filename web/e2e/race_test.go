//go:build race

package e2e_test

// buildFlags of the program under test: races are looked for in it, too.
var buildFlags = []string{"-race"}

// crowdHashing is cheaper than what operators have: with the race detector's
// books on each byte of memory, one hash would cost several times as much.
var crowdHashing = cheapHashing
