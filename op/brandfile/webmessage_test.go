package brandfile_test

import (
	"strings"
	"testing"
)

func TestWebMessageNeedsAPage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		addresses, origins string
		accepted           bool
	}{
		"a page":               {"https://www.other.example/chat", "https://www.other.example", true},
		"one page of several":  {"https://lp.example/w, https://www.other.example/chat", "https://www.brand.example, https://www.other.example", true},
		"as browsers write it": {"https://WWW.other.example:443/chat", "https://www.other.example", true},
		"no origin":            {"https://www.other.example/chat", "", false},
		"another origin":       {"https://www.other.example/chat", "https://shop.other.example", false},
		"another port":         {"https://www.other.example:8443/chat", "https://www.other.example", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			places, faults := parseFaults(clientOf("redirect_uris: ["+test.addresses+"]", "web_origins: ["+test.origins+"]", "web_message: true"), options())
			switch {
			case test.accepted && len(faults) > 0:
				t.Error(faults)
			case !test.accepted && (len(places) != 1 || !strings.HasSuffix(places[0], "clients[0].web_message")):
				t.Errorf("faults %v", faults)
			}
		})
	}
}
