package liveperson_test

import (
	"testing"

	"github.com/brandidp/idp/op/liveperson"
)

func TestDocumentHoldsKey(t *testing.T) {
	t.Parallel()
	const line = "MIIBIjAN"
	for document, want := range map[string]bool{
		`[]`: false,
		`[{"configuration":{"jwtPublicKey":"MIIBIjAN","clientId":"messaging"}}]`:                true,
		`[{"configuration":{"jwtPublicKey":"MIIB\nIjAN ","clientId":null}}]`:                    true,
		`[{"configuration":{"jwtPublicKey":"MIIBIjAN","clientId":"other"}}]`:                    false,
		`[{"configuration":{"jwtPublicKey":"MIIBIjAO","clientId":"messaging"}}]`:                false,
		`[{"deleted":true,"configuration":{"jwtPublicKey":"MIIBIjAN","clientId":"messaging"}}]`: false,
		`[{"configuration":{"jwtPublicKey":null}},{"configuration":null},{}]`:                   false,
	} {
		if got, err := liveperson.DocumentHoldsKey([]byte(document), "messaging", line); err != nil || got != want {
			t.Errorf("%s: %v, %v", document, got, err)
		}
	}
	for _, document := range []string{``, `<html>`, `{"error":"x"}`, `["x"]`} {
		if _, err := liveperson.DocumentHoldsKey([]byte(document), "messaging", line); err == nil {
			t.Errorf("%s is a document", document)
		}
	}
}
