package op_test

import (
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// fromPage asks the token source as the script on a page of an origin does.
func fromPage(tb testing.TB, b *webtest.Browser, client, origin string) *webtest.Page {
	tb.Helper()
	return b.Do(b.RawRequest("POST", "/token-source", "application/json", `{"client_id":"`+client+`"}`, "Origin", origin))
}
