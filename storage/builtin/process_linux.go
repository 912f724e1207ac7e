package builtin

import (
	"bytes"
	"fmt"
	"os"
	"slices"
)

// isServer reports whether the process is the PostgreSQL of the data directory:
// its command line, which everybody may read, names it. A dead process that
// nobody waited for has none.
func isServer(pid int, data string) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	args := bytes.Split(raw, []byte{0})
	at := slices.IndexFunc(args, func(arg []byte) bool { return string(arg) == "-D" })
	return at > 0 && at+1 < len(args) && string(args[at+1]) == data
}
