//go:build race

package e2e_test

// buildFlags of the program under test: races are looked for in it, too.
var buildFlags = []string{"-race"}
