// Package brandfile is the file of `idp apply`: what a brand's relying parties
// and consumers look like. It owns how the file is read and checked, what it
// would change, and the one transaction that makes the store match it.
//
// Every check of a client or consumer that comes from outside belongs here, so
// that nothing enters by another door. The package must never log what a file
// holds, and its messages name places and rules, never values: a file has
// passwords and personal data in it.
package brandfile

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/brandidp/idp/op/loopback"
)

// MaxBytes is the size of the largest file.
const MaxBytes = 16 << 20

// Options say in which surroundings a file is read.
type Options struct {
	// Issuer is the issuer identifier. If it is on loopback, so may addresses
	// of clients be, with http.
	Issuer string
	// ReadFile reads what client_secret_file names. A relative name has been
	// joined to the folder of the brand file. nil refuses such fields.
	ReadFile func(name string) ([]byte, error)
}

// File is a brand file that has been checked: what it says is complete, with
// every default filled in.
type File struct {
	name string
	// hasClients is false if the file does not speak of clients at all.
	hasClients bool
	clients    []*client
	consumers  []*consumer
}

// Fault is one rule that a file breaks.
type Fault struct {
	// File is the name given to Parse, Line counts from 1.
	File string
	Line int
	// Field is the path of the field, such as clients[0].redirect_uris[1], with
	// indexes from zero; "" for the file as a whole.
	Field string
	// Rule says what is allowed.
	Rule string
}

// String is "file:line: field: rule".
func (f Fault) String() string {
	text := fmt.Sprintf("%s:%d: ", f.File, f.Line)
	if f.Field != "" {
		text += f.Field + ": "
	}
	return text + f.Rule
}

// Faults is why a file is refused: all of it, by line.
type Faults []Fault //nolint:errname // what it is matters more than that it is an error

// Error lists one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// onLoopback tells whether the issuer is on a loopback name.
func (o Options) onLoopback() bool { return loopback.URL(o.Issuer) }

// validPort tells whether a URL's authority has no port, or one that exists.
func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}
