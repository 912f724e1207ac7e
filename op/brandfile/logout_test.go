package brandfile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/brandfile"
)

func TestSignOutAddresses(t *testing.T) {
	t.Parallel()
	const callback = "redirect_uris: [https://rp.example/cb]"
	for name, test := range map[string]struct {
		lines string
		fault string // where, "" if it is accepted
	}{
		"all of them": {"post_logout_redirect_uris: [https://rp.example/bye, 'https://rp.example/bye?a=1']\n" +
			"backchannel_logout_uri: https://rp.example/logout?of=idp\nbackchannel_logout_session_required: true\nclient_uri: https://rp.example", ""},
		"http":                      {"post_logout_redirect_uris: [https://rp.example, http://rp.example/bye]", "post_logout_redirect_uris[1]"},
		"relative":                  {"post_logout_redirect_uris: [/bye]", "post_logout_redirect_uris[0]"},
		"a program":                 {"post_logout_redirect_uris: ['javascript:alert(1)']", "post_logout_redirect_uris[0]"},
		"fragment":                  {"post_logout_redirect_uris: ['https://rp.example/#bye']", "post_logout_redirect_uris[0]"},
		"state of its own":          {"post_logout_redirect_uris: ['https://rp.example/?state=x']", "post_logout_redirect_uris[0]"},
		"twice":                     {"post_logout_redirect_uris: [https://rp.example, https://rp.example]", "post_logout_redirect_uris[1]"},
		"an application's, for web": {"post_logout_redirect_uris: ['com.brand.app:/bye']", "post_logout_redirect_uris[0]"},
		"back-channel, http":        {"backchannel_logout_uri: http://rp.example/logout", "backchannel_logout_uri"},
		"back-channel, fragment":    {"backchannel_logout_uri: 'https://rp.example/logout#x'", "backchannel_logout_uri"},
		"back-channel, password":    {"backchannel_logout_uri: 'https://a:b@rp.example/logout'", "backchannel_logout_uri"},
		"back-channel, loopback":    {"backchannel_logout_uri: http://localhost/logout", "backchannel_logout_uri"},
		"required without address":  {"backchannel_logout_session_required: true", "backchannel_logout_session_required"},
		"home page, program":        {"client_uri: 'javascript:alert(1)'", "client_uri"},
		"the brand's own":           {"login_url: https://www.brand.example/login?of=idp\nlogout_url: https://www.brand.example/logout", ""},
		"login, http":               {"login_url: http://www.brand.example/login", "login_url"},
		"login, loopback":           {"login_url: http://localhost/login", "login_url"},
		"login, fragment":           {"login_url: 'https://www.brand.example/#login'", "login_url"},
		"logout, program":           {"logout_url: 'javascript:alert(1)'", "logout_url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			places, faults := parseFaults(clientOf(append(strings.Split(test.lines, "\n"), callback)...), brandfile.Options{Issuer: "https://id.brand.example"})
			switch {
			case test.fault == "" && len(faults) > 0:
				t.Error(faults)
			case test.fault != "" && (len(places) != 1 || !strings.HasSuffix(places[0], "clients[0]."+test.fault)):
				t.Errorf("faults %v", faults)
			}
		})
	}
	for _, lines := range [][]string{
		{"application_type: native", "post_logout_redirect_uris: ['com.brand.app:/bye']"},
		{"backchannel_logout_uri: http://localhost:3000/logout", "login_url: http://localhost:3000/login", "post_logout_redirect_uris: ['http://127.0.0.1:3000/bye']"},
	} {
		if _, faults := parseFaults(clientOf(append(lines, callback)...), brandfile.Options{Issuer: loopbackIssuer}); len(faults) > 0 {
			t.Error(faults)
		}
	}
	native := []string{"application_type: native", "backchannel_logout_uri: 'com.brand.app:/logout'"}
	if places, _ := parseFaults(clientOf(append(native, callback)...), brandfile.Options{Issuer: loopbackIssuer}); !slices.Equal(places, []string{"4 clients[0].backchannel_logout_uri"}) {
		t.Errorf("faults %v", places)
	}
}
