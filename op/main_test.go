package op_test

import (
	"os"
	"testing"

	"github.com/brandidp/idp/op/keys/pkcs11/softhsm"
	"github.com/brandidp/idp/storage/storagetest"
)

func TestMain(m *testing.M) {
	storagetest.TwiceAtOnce()
	os.Exit(softhsm.Run(tests{m}))
}

// tests are those of the package, run with a database server.
type tests struct{ *testing.M }

func (t tests) Run() int { return storagetest.Run(t.M) }
