package config_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/brandidp/idp/cmd/idp/config"
)

// home keeps the default of data_dir away from who runs the tests.
const home = "HOME=/home/amelia"

// inputs puts together what Load reads: a file (none if empty) named
// idp.yaml in a folder of its own, variables and arguments.
func inputs(t *testing.T, file string, environ []string, args ...string) config.Inputs {
	t.Helper()

	flags := pflag.NewFlagSet("idp", pflag.ContinueOnError)
	config.AddFlags(flags)

	if err := flags.Parse(args); err != nil {
		t.Fatalf("parse the flags: %v", err)
	}

	in := config.Inputs{Flags: flags, Environ: append([]string{home}, environ...), UserID: 1000}
	if file != "" {
		in.Files = []string{write(t, "idp.yaml", file)}
	}

	return in
}

func write(t *testing.T, name, content string) string {
	t.Helper()

	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func load(t *testing.T, in config.Inputs) *config.Config {
	t.Helper()

	c, err := config.Load(in)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}

	return c
}

func TestDefaults(t *testing.T) {
	t.Parallel()

	c := load(t, inputs(t, "", nil))
	processors := runtime.GOMAXPROCS(0)
	want := &config.Config{
		Issuer:       "http://localhost:8080",
		Listen:       "127.0.0.1:8080",
		DataDir:      "/home/amelia/.local/share/idp",
		Database:     config.Database{MaxConnections: 20},
		Signer:       "auto",
		Session:      config.Session{IdleLifetime: 24 * time.Hour, Lifetime: 30 * 24 * time.Hour},
		RefreshGrace: 10 * time.Second,
		Brand:        config.Brand{PrimaryColor: "#1f4fd8", BackgroundColor: "#f5f6f8"},
		PasswordHashing: config.PasswordHashing{
			Concurrency: processors, Queue: 16 * processors, MemoryKiB: 19456, Iterations: 2,
		},
		Keys: config.Keys{JWKSMaxAge: 5 * time.Minute, Retain: 24 * time.Hour},
		Log:  config.Log{Level: slog.LevelInfo, Format: "text"},
	}

	ignore := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "settings" }, cmp.Ignore())
	if diff := cmp.Diff(want, c, ignore, cmp.AllowUnexported(config.Config{})); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}

	for _, s := range c.Settings() {
		if s.Source != "default" {
			t.Errorf("%s comes from %s, want default", s.Key, s.Source)
		}
	}

	if got, want := c.MasterKeyFile(), "/home/amelia/.local/share/idp/master.key"; got != want {
		t.Errorf("MasterKeyFile() = %s, want %s", got, want)
	}
}

func TestDataDirDefault(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		in   config.Inputs
		want string
	}{
		"root":      {config.Inputs{UserID: 0, Environ: []string{"HOME=/root"}}, "/var/lib/idp"},
		"data home": {config.Inputs{UserID: 7, Environ: []string{"XDG_DATA_HOME=/data", home}}, "/data/idp"},
		"home":      {config.Inputs{UserID: 7, Environ: []string{"XDG_DATA_HOME=data", home}}, "/home/amelia/.local/share/idp"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if got := load(t, test.in).DataDir; got != test.want {
				t.Errorf("DataDir = %s, want %s", got, test.want)
			}
		})
	}

	_, err := config.Load(config.Inputs{UserID: 7})
	if want := "default: data_dir: must be given, since neither XDG_DATA_HOME nor HOME is an absolute path"; err == nil || err.Error() != want {
		t.Errorf("without a home: %v, want %s", err, want)
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()

	const file = "log:\n  level: debug\n"

	variable := []string{"IDP_LOG_LEVEL=warn"}
	tests := map[string]struct {
		in     config.Inputs
		want   slog.Level
		source string
	}{
		"default":                       {inputs(t, "", nil), slog.LevelInfo, "default"},
		"file":                          {inputs(t, file, nil), slog.LevelDebug, "idp.yaml:2"},
		"variable":                      {inputs(t, file, variable), slog.LevelWarn, "IDP_LOG_LEVEL"},
		"flag":                          {inputs(t, file, variable, "--log-level", "error"), slog.LevelError, "--log-level"},
		"empty variable counts as none": {inputs(t, file, []string{"IDP_LOG_LEVEL="}), slog.LevelDebug, "idp.yaml:2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := load(t, test.in)
			if c.Log.Level != test.want {
				t.Errorf("level = %s, want %s", c.Log.Level, test.want)
			}

			if got := setting(t, c, "log.level").Source; filepath.Base(got) != test.source {
				t.Errorf("source = %s, want %s", got, test.source)
			}
		})
	}
}

func setting(t *testing.T, c *config.Config, key string) config.Setting {
	t.Helper()

	for _, s := range c.Settings() {
		if s.Key == key {
			return s
		}
	}

	t.Fatalf("no setting %s", key)

	return config.Setting{}
}

func TestEveryKindOfValue(t *testing.T) {
	t.Parallel()

	logo := write(t, "logo.svg", "<svg/>")
	file := `
issuer: https://login.brand.example/consumers
listen: "[::1]:9000"
trusted_proxies: [10.1.2.3/8, "2001:db8::7"]
session_idle_lifetime: 1d12h
session_lifetime: 864000
database: {max_connections: 50}
brand:
  name: Brand & Söhne
  logo: ` + logo + `
  website: https://www.brand.example/de/
  primary_color: "#A0B1C2"
password_hashing:
  concurrency: 3
outbound: {allowed_networks: [10.7.0.0/16]}
handover: {login_url: "https://www.brand.example/login?of=idp", webhook_url: https://www.brand.example/hook}
conversational_cloud: {connector_document_url: "https://accdn.lpsnmedia.net/{account_id}"}
warning_allow_http_issuer: True
`
	c := load(t, inputs(t, file, nil))
	got := []any{
		c.Issuer, c.Listen, c.TrustedProxies, c.Session, c.Database.MaxConnections, c.Brand,
		c.PasswordHashing.Queue, c.WarningAllowHTTPIssuer, c.Outbound.AllowedNetworks, c.HandOver, c.ConversationalCloud,
	}
	want := []any{
		"https://login.brand.example/consumers", "[::1]:9000",
		[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::7/128")},
		config.Session{IdleLifetime: 36 * time.Hour, Lifetime: 240 * time.Hour},
		50,
		config.Brand{Name: "Brand & Söhne", Logo: logo, Website: "https://www.brand.example/de/", PrimaryColor: "#a0b1c2", BackgroundColor: "#f5f6f8"},
		48, true,
		[]netip.Prefix{netip.MustParsePrefix("10.7.0.0/16")},
		config.HandOver{LoginURL: "https://www.brand.example/login?of=idp", WebhookURL: "https://www.brand.example/hook"},
		config.ConversationalCloud{ConnectorDocumentURL: "https://accdn.lpsnmedia.net/{account_id}"},
	}

	samePrefix := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, got, samePrefix); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}

	c = load(t, inputs(t, "", []string{"IDP_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.7"}, "--warning-allow-http-issuer"))
	if len(c.TrustedProxies) != 2 || !c.WarningAllowHTTPIssuer {
		t.Errorf("from variable and flag: %v, %v", c.TrustedProxies, c.WarningAllowHTTPIssuer)
	}

	c = load(t, inputs(t, "trusted_proxies: [192.0.2.7]", nil, "--trusted-proxies", "10.0.0.0/8", "--trusted-proxies", "10.0.0.1"))
	if len(c.TrustedProxies) != 2 {
		t.Errorf("a repeated flag: %v", c.TrustedProxies)
	}

	c = load(t, inputs(t, "", []string{"IDP_TRUSTED_PROXIES=10.0.0.0/8"}, "--trusted-proxies="))
	if len(c.TrustedProxies) != 0 {
		t.Errorf("an empty list over another: %v", c.TrustedProxies)
	}
}

func TestLocalIssuerHasThePortOfListen(t *testing.T) {
	t.Parallel()

	if got := load(t, inputs(t, "", nil, "--listen", ":9999")).Issuer; got != "http://localhost:9999" {
		t.Errorf("issuer = %s", got)
	}
}

func TestTLSMakesTheLocalIssuerHTTPS(t *testing.T) {
	t.Parallel()

	c := load(t, inputs(t, "tls: {certificate_file: /etc/idp/fullchain.pem, key_file: key.pem}", nil))
	if c.Issuer != "https://localhost:8080" || c.TLS.CertificateFile != "/etc/idp/fullchain.pem" || !filepath.IsAbs(c.TLS.KeyFile) {
		t.Errorf("issuer %s, files %+v", c.Issuer, c.TLS)
	}

	c = load(t, inputs(t, "", nil, "--tls-certificate-file", "c", "--tls-key-file", "k", "--listen", ":443"))
	if c.Issuer != "https://localhost" {
		t.Errorf("on the port of https: %s", c.Issuer)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()

	c := load(t, inputs(t, "", []string{
		"IDP_ISUER=x", "IDP_PORT=tcp://10.0.0.1:8080", "IDP_ISSUER=http://login.brand.example", "IDP_WARNING_ALLOW_HTTP_ISSUER=true", "OTHER=1",
	}))
	want := []string{
		"the variable IDP_ISUER is no option; the nearest is IDP_ISSUER",
		"the variable IDP_PORT is no option",
		"warning_allow_http_issuer is on: passwords and tokens can be read by anybody on the way",
	}

	if diff := cmp.Diff(want, c.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestNamedFile(t *testing.T) {
	t.Parallel()

	path := write(t, "other.yaml", "log: {level: debug}")
	variable := write(t, "variable.yaml", "log: {level: warn}")

	for name, test := range map[string]struct {
		in   config.Inputs
		want string
	}{
		"flag":     {inputs(t, "x: refused", []string{"IDP_CONFIG=" + variable}, "--config", path), path},
		"variable": {inputs(t, "x: refused", []string{"IDP_CONFIG=" + variable}), variable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if c := load(t, test.in); c.File != test.want {
				t.Errorf("read %s, want %s", c.File, test.want)
			}
		})
	}

	_, err := config.Load(inputs(t, "", nil, "--config", path+".gone"))
	if want := "--config: must be a file that can be read: " + path + ".gone: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("a missing file: %v, want %s", err, want)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()

	in := inputs(t, "isuer: x\nlog:\n  level: loud\n", []string{"IDP_LISTEN=8080"}, "--session-lifetime", "soon")

	_, err := config.Load(in)

	var faults config.Error
	if !errors.As(err, &faults) {
		t.Fatalf("Load: %v, want config.Error", err)
	}

	got := strings.ReplaceAll(faults.Error(), in.Files[0], "idp.yaml")
	want := strings.Join([]string{
		`idp.yaml:1: isuer: unknown key; the nearest known is issuer`,
		`IDP_LISTEN: listen: must be host:port, such as 127.0.0.1:8080 or [::1]:8080, with a port from 1 to 65535, not "8080"`,
		`--session-lifetime: session_lifetime: must be a duration such as 90s, 12h or 30d, or a number of seconds, from 5s to 3650d, not "soon"`,
		`idp.yaml:3: log.level: must be one of debug, info, warn, error, not "loud"`,
	}, "\n")

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
