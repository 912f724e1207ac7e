package demo_test

import (
	"os"
	"testing"

	"github.com/brandidp/idp/op/keys/pkcs11/softhsm"
	"github.com/brandidp/idp/web/webtest"
)

func TestMain(m *testing.M) { os.Exit(softhsm.Run(tests{m})) }

// tests are those of the package, run with a database server and a browser.
type tests struct{ *testing.M }

func (t tests) Run() int { return webtest.Run(t.M) }
