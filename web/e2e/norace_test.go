//go:build !race

package e2e_test

var (
	buildFlags   []string
	crowdHashing []string // as operators have it
)

const (
	fewImportLines = 200_000
	importMemory   = 200 << 20 // bytes
)
