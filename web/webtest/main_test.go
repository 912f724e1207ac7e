package webtest_test

import (
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

func TestMain(m *testing.M) { webtest.Main(m) }
