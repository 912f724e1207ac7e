package config_test

import (
	"strings"
	"testing"

	"github.com/brandidp/idp/cmd/idp/config"
)

// faultOf loads and returns the message, with the file's path shortened.
func faultOf(t *testing.T, in config.Inputs) string {
	t.Helper()

	c, err := config.Load(in)
	if err == nil {
		t.Fatalf("Load accepts it: %+v", c)
	}

	message := err.Error()
	for _, path := range in.Files {
		message = strings.ReplaceAll(message, path, "idp.yaml")
	}

	return message
}

func TestFileFaults(t *testing.T) {
	t.Parallel()

	tests := map[string]struct{ file, want string }{
		"unknown key in a group": {
			"database:\n  uri: x",
			"idp.yaml:2: database.uri: unknown key; the nearest known is database.url",
		},
		"nothing like a key": {
			"colour: red",
			"idp.yaml:1: colour: unknown key; idp config reference lists all",
		},
		"unknown group": {
			"databse:\n  url: x",
			"idp.yaml:1: databse: unknown key; the nearest known is database",
		},
		"not a group": {
			"issuer: {url: x}",
			"idp.yaml:1: issuer: must be text",
		},
		"a group without keys": {
			"log: debug",
			"idp.yaml:1: log: must hold the keys level, format",
		},
		"twice": {
			"issuer: https://a.example\nissuer: https://b.example",
			"idp.yaml:2: issuer: must stand once, and stands in line 1 already",
		},
		"twice in two spellings": {
			"log: {level: info}\nlog.level: info",
			"idp.yaml:2: log.level: must stand once, and stands in line 1 already",
		},
		"a number for text": {
			"brand:\n  name: 1860",
			"idp.yaml:2: brand.name: must be text: put the value in quotes",
		},
		"text for a number": {
			"database:\n  max_connections: '20'",
			"idp.yaml:2: database.max_connections: must be a whole number",
		},
		"text for a switch": {
			"warning_allow_http_issuer: yes",
			"idp.yaml:1: warning_allow_http_issuer: must be true or false",
		},
		"text for a list": {
			"trusted_proxies: 10.0.0.0/8",
			"idp.yaml:1: trusted_proxies: must be a list of texts, such as [a, b]",
		},
		"numbers in a list": {
			"trusted_proxies: [10]",
			"idp.yaml:1: trusted_proxies: must be a list of texts, such as [a, b]",
		},
		"a fraction for a duration": {
			"session_lifetime: 1.5",
			"idp.yaml:1: session_lifetime: must be a duration such as 90s, 12h or 30d, or a number of seconds",
		},
		"a colour taken for a comment": {
			"brand:\n  primary_color: #aabbcc",
			"idp.yaml:2: brand.primary_color: must be text, and has no value (a value that begins with # must be in quotes)",
		},
		"empty": {
			"issuer: ''",
			"idp.yaml:1: issuer: must not be empty: leave the key out for the default",
		},
		"alias": {
			"issuer: &a https://a.example\nlisten: *a",
			"idp.yaml:2: listen: must be written out: aliases are not read (a value that begins with * must be in quotes)",
		},
		"unknown anchor, not quoted": {
			"master_key: *hunter2",
			"idp.yaml: is not YAML: a value that begins with * or & must be in quotes",
		},
		"a list":        {"- issuer", "idp.yaml:1: must be a list of keys with values, such as issuer: https://login.brand.example"},
		"two documents": {"issuer: https://a.example\n---\nlisten: x", "idp.yaml: must be one YAML document, without a second after ---"},
		"not YAML":      {"issuer: https://a.example\n  listen: x", "idp.yaml:2: is not YAML: mapping values are not allowed in this context"},
		"a tab":         {"log:\n\tlevel: debug\n", "idp.yaml:2: must be indented with spaces: YAML takes no tabs"},
		"a later tab":   {"log:\n  level: debug\n\tformat: json\n", "idp.yaml:3: must be indented with spaces: YAML takes no tabs"},
		"a tab at once": {"\tissuer: x\n", "idp.yaml:1: must be indented with spaces: YAML takes no tabs"},
		"no tab":        {"listen: @x\n", "idp.yaml: is not YAML: found character that cannot start any token"},
		"too long":      {"#" + strings.Repeat("x", 1<<20), "configuration: must be a file of at most 1024 KiB: idp.yaml"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if got := faultOf(t, inputs(t, test.file, nil)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestEmptyFile(t *testing.T) {
	t.Parallel()

	if c := load(t, inputs(t, "# nothing yet\n", nil)); c.File == "" {
		t.Error("the file was not read")
	}
}

//contract:5.1-https
func TestValueFaults(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	tests := []struct{ key, value, rule string }{
		{"issuer", "login.brand.example", "must be an address such as https://login.brand.example"},
		{"issuer", "ftp://a.example", "must be an address such as https://login.brand.example"},
		{"issuer", "https://a.example/", "must not end with a slash"},
		{"issuer", "https://a.example?x=1", "must not have a query or a fragment"},
		{"issuer", "https://a.example#", "must not have a query or a fragment"},
		{"issuer", "https://u:p@a.example", "must not have a user name or password"},
		{"issuer", "https://a.example/a/../b", "must have a path of plain letters, digits and . _ ~ - only"},
		{"issuer", "https://A.example", "must have a host name in lower-case ASCII"},
		{"issuer", "https://a.example:443", "must have a host name in lower-case ASCII"},
		{"issuer", "https://a.example:", "must have a host name in lower-case ASCII"},
		{"issuer", "http://a.example", "must be https: http is for localhost"},
		{"issuer", "http://localhost.example", "must be https: http is for localhost"},
		{"tls.certificate_file", "c.pem", "must come with tls.key_file"},
		{"tls.key_file", "k.pem", "must come with tls.certificate_file"},
		{"listen", "localhost", "must be host:port"},
		{"listen", "127.0.0.1:0", "must be host:port"},
		{"listen", "127.0.0.1:99999", "must be host:port"},
		{"outbound.allowed_networks", "::/0", "a network of /0 is everybody's"},
		{"brand.website", "www.brand.example", "must be an address such as"},
		{"brand.website", "javascript:alert(1)", "must be an address such as"},
		{"brand.website", "https://www.brand.example/a b", "must be an address such as"},
		{"handover.login_url", "http://www.brand.example/login", "must be an https address such as"},
		{"handover.logout_url", "https://www.brand.example/#logout", "must be an https address such as"},
		{"handover.webhook_url", "https://u:p@www.brand.example", "must be an https address such as"},
		{"trusted_proxies", "10.0.0.0/8,proxy", "must list networks"},
		{"trusted_proxies", "0.0.0.0/0", "a network of /0 is everybody's"},
		{"database.max_connections", "1", "must be a whole number from 2 to 10000"},
		{"session_idle_lifetime", "60d", "must not be longer than session_lifetime"},
		{"session_lifetime", "1s", "from 5s to 3650d"},
		{"refresh_grace", "2m", "from 0s to 60s"},
		{"session_lifetime", "99999999999d", "from 5s to 3650d"},
		{"session_lifetime", "-1d", "from 5s to 3650d"},
		{"brand.name", "two\nlines", "must be one line of at most 100 letters"},
		{"brand.logo", "/etc/passwd", "must be the path of a .svg"},
		{"brand.logo", folder + "/gone.png", "must be a file that can be read: no such file or directory"},
		{"brand.primary_color", "blue", "must be a colour of the form #rrggbb"},
		{"password_hashing.queue", "-1", "must be a whole number from 0 to 100000"},
		{"password_hashing.memory_kib", "1024", "must be a whole number from 7168 to 262144"},
		{"log.format", "xml", "must be one of text, json"},
		{"warning_allow_http_issuer", "1", "must be true or false"},
	}
	for _, test := range tests {
		t.Run(test.key+"="+test.value, func(t *testing.T) {
			t.Parallel()

			variable := "IDP_" + strings.ToUpper(strings.ReplaceAll(test.key, ".", "_"))

			got := faultOf(t, inputs(t, "", []string{variable + "=" + test.value}))
			if !strings.HasPrefix(got, variable+": "+test.key+": ") || !strings.Contains(got, test.rule) || strings.Contains(got, "\n") {
				t.Errorf("got %s\nwant the one fault %q of %s", got, test.rule, test.key)
			}
		})
	}
}

func TestTLSWithAnIssuerThatIsNotHTTPS(t *testing.T) {
	t.Parallel()

	const file = "issuer: http://localhost:8080\ntls: {certificate_file: c, key_file: k}\n"

	want := "idp.yaml:1: issuer: must be https, since the listener speaks TLS (tls.certificate_file)"
	if got := faultOf(t, inputs(t, file, []string{"IDP_WARNING_ALLOW_HTTP_ISSUER=true"})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A hash that costs more would not be taken when it is met again.
func TestHashingThatCostsTooMuch(t *testing.T) {
	t.Parallel()

	const file = "password_hashing: {memory_kib: 262144, iterations: 3}\n"

	want := "idp.yaml:1: password_hashing.iterations: times password_hashing.memory_kib must be at most 524288"
	if got := faultOf(t, inputs(t, file, nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestIssuersThatAreFine(t *testing.T) {
	t.Parallel()

	for _, issuer := range []string{
		"https://a.example", "https://a.example:8443/idp/v1", "http://localhost:8080", "http://brand.localhost:1",
		"http://127.8.0.1:8080", "http://[::1]:8080", "https://192.0.2.7", "https://xn--bcher-kva.example",
	} {
		if got := load(t, inputs(t, "", nil, "--issuer", issuer)).Issuer; got != issuer {
			t.Errorf("issuer = %s, want %s", got, issuer)
		}
	}
}

func TestEmptyFlag(t *testing.T) {
	t.Parallel()

	got := faultOf(t, inputs(t, "", nil, "--listen="))
	if want := "--listen: listen: must not be empty: leave it out for the default"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
