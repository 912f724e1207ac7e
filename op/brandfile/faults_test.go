package brandfile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
)

func TestParseListsEveryFault(t *testing.T) {
	t.Parallel()
	places, _ := parseFaults(`
clients:
  - client_id: 7
    response_types: [1, token]
    scope: email
  - redirect_uris: [http://rp.example/cb]
consumers:
  - username: 7
    pasword: hunter2
    claims: {email: hunter2, name: 1}
`, options())
	want := []string{
		"3 clients[0].client_id", "3 clients[0].redirect_uris", "4 clients[0].response_types[0]", "4 clients[0].response_types[1]",
		"5 clients[0].scope", "6 clients[1].client_id", "6 clients[1].redirect_uris[0]",
		"8 consumers[0].username", "9 consumers[0].pasword", "10 consumers[0].claims.email", "10 consumers[0].claims.name",
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

func TestUnknownFieldNamesTheNearest(t *testing.T) {
	t.Parallel()
	_, faults := brandfile.Parse("b.yaml", []byte(client("redirect_uri: https://a.example")), options())
	if want := "b.yaml:4: clients[0].redirect_uri: is not a known field; did you mean redirect_uris?"; faults.Error() != want {
		t.Errorf("got  %s\nwant %s", faults, want)
	}
}
