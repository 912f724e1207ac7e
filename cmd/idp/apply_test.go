package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage/storagetest"
)

const brandYAML = `clients:
  - client_id: messaging-code
    client_name: Messaging, code flow
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://liveperson.net]
    conversational_cloud: {variant: rfc}
consumers:
  - sub: 0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10
    username: Amelia
    password: correct horse battery
    claims: {given_name: Amelia, email: amelia@brand.example, email_verified: true}
    customer_info: {ctype: vip, loginStatus: 0}
  - username: rory
    disabled: true
`

// installation is an empty database and a folder for the master key and files.
type installation struct {
	t       *testing.T
	environ []string
	dir     string
}

func newInstallation(t *testing.T) *installation {
	t.Helper()

	dir := t.TempDir()

	return &installation{t: t, dir: dir, environ: []string{"IDP_DATABASE_URL=" + storagetest.NewEmpty(t), "IDP_DATA_DIR=" + dir}}
}

// run runs a command line; stdin is its standard input.
func (i *installation) run(stdin string, args ...string) result {
	i.t.Helper()

	var stdout, stderr bytes.Buffer

	in := config.Inputs{Environ: append([]string{"HOME=/home/amelia"}, i.environ...), UserID: 1000}
	code := run(i.t.Context(), in, args, strings.NewReader(stdin), &stdout, &stderr)

	return result{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// write makes a file in the installation's folder.
func (i *installation) write(name, text string) string {
	i.t.Helper()

	path := filepath.Join(i.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}

	return path
}

func TestApply(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.run("", "migrate", "up")
	file := i.write("brand.yaml", brandYAML)

	dry := i.run("", "apply", "-f", file, "--dry-run")
	if dry.code != 0 || !strings.Contains(dry.stdout, "create client messaging-code\n") || !strings.Contains(dry.stdout, "Dry run: nothing was changed.") {
		t.Errorf("dry run: %+v", dry)
	}

	if list := i.run("", "client", "list", "--json"); strings.TrimSpace(list.stdout) != "[]" {
		t.Errorf("clients after a dry run: %+v", list)
	}

	if got := i.run("", "client", "show", "nobody"); got.code != 1 || !strings.Contains(got.stderr, "nor any other: idp apply makes clients") {
		t.Errorf("a client where there is none: %+v", got)
	}

	first := i.run("", "apply", "-f", file)
	if first.code != 0 || !strings.Contains(first.stdout, "3 to create, 0 to update, 0 to delete, 0 unchanged\n") {
		t.Errorf("apply: %+v", first)
	}

	secret := regexp.MustCompile(`(?m)^client_secret of messaging-code, shown this once: ([A-Za-z0-9_-]{43})$`).FindStringSubmatch(first.stdout)
	if secret == nil {
		t.Fatalf("no secret in %s", first.stdout)
	}

	if strings.Contains(first.stdout+first.stderr, "horse") || strings.Contains(first.stderr, secret[1]) {
		t.Error("a secret is shown where it must not be")
	}

	if _, err := os.Stat(filepath.Join(i.dir, "master.key")); err != nil || !strings.Contains(first.stderr, "master key was made") {
		t.Errorf("the master key: %v, %s", err, first.stderr)
	}

	second := i.run(brandYAML, "apply", "-f", "-")
	if second.code != 0 || second.stdout != "0 to create, 0 to update, 0 to delete, 3 unchanged\nThe store matches the file.\n" {
		t.Errorf("apply once more: %+v", second)
	}
}

func TestApplyAsJSON(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)

	var applied brandfile.Result

	decode(t, i.run(brandYAML, "apply", "-f", "-", "--json"), &applied)

	if len(applied.Secrets) != 1 || len(applied.Diff.Changes) != 3 || applied.Diff.Changes[0].Action != brandfile.Create {
		t.Errorf("%d secrets, %d changes", len(applied.Secrets), len(applied.Diff.Changes))
	}
}

func TestApplyRefusesAFile(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	file := i.write("brand.yaml", strings.ReplaceAll(brandYAML, "disabled: true", "disabled: yes\n    storeZipCode: hunter2"))

	got := i.run("", "apply", "-f", file)
	for _, want := range []string{
		file + " is refused and nothing was changed:\n",
		file + ":13: consumers[1].disabled: must be true or false\n",
		file + ":14: consumers[1].storeZipCode: is not a known field; known are ",
	} {
		if got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("want %q in %+v", want, got)
		}
	}

	if strings.Contains(got.stderr, "hunter2") {
		t.Error("the file is quoted")
	}

	if list := i.run("", "client", "list", "--json"); strings.TrimSpace(list.stdout) != "[]" {
		t.Errorf("clients: %+v", list)
	}

	missing := i.run("", "apply", "-f", filepath.Join(i.dir, "missing.yaml"))
	if missing.code != 1 || !strings.Contains(missing.stderr, "read the file to apply: open ") {
		t.Errorf("a missing file: %+v", missing)
	}

	if none := i.run("", "apply"); none.code != 1 || !strings.Contains(none.stderr, "name the file with -f FILE") {
		t.Errorf("no file: %+v", none)
	}
}

func TestApplyWithoutADatabase(t *testing.T) {
	t.Parallel()

	i := &installation{t: t, dir: t.TempDir(), environ: []string{"IDP_DATABASE_URL=postgres://idp:hunter2@127.0.0.1:1/idp"}}
	if got := i.run(brandYAML, "apply", "-f", "-"); got.code != 2 || strings.Contains(got.stderr, "hunter2") {
		t.Errorf("got %+v, want exit code 2", got)
	}
}

// The secrets of clients are read from the folder of the file.
func TestApplyReadsSecretFiles(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.write("rp.secret", strings.Repeat("s", 32)+"\n")
	file := i.write("brand.yaml", "clients: [{client_id: rp, client_secret_file: rp.secret, redirect_uris: [https://rp.example/cb]}]")

	got := i.run("", "apply", "-f", file)
	if got.code != 0 || !strings.Contains(got.stdout, `client_secret: "********"`) || strings.Contains(got.stdout, "sss") {
		t.Errorf("apply: %+v", got)
	}
}

//security:1-unset
func TestClientShow(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.environ = append(i.environ, "IDP_ISSUER=https://id.brand.example")
	i.run(brandYAML+"", "apply", "-f", "-")

	list := i.run("", "client", "list")
	if list.code != 0 || !strings.Contains(list.stdout, "messaging-code  Messaging, code flow  code") || !strings.Contains(list.stdout, "any account") {
		t.Errorf("list: %+v", list)
	}

	show := i.run("", "client", "show", "messaging-code")
	for _, want := range []string{
		"https://id.brand.example/jwks/messaging-code.json", "idp connector settings messaging-code",
		"Warning: conversational_cloud.account_id is not set", "Warning: web_origins is empty",
	} {
		if show.code != 0 || !strings.Contains(show.stdout, want) {
			t.Errorf("want %q in\n%s%s", want, show.stdout, show.stderr)
		}
	}

	var view struct {
		Client    map[string]any
		HasSecret bool `json:"has_secret"`
		Warnings  []string
	}

	decode(t, i.run("", "client", "show", "messaging-code", "--json"), &view)

	if view.Client["client_id"] != "messaging-code" || !view.HasSecret || len(view.Warnings) != 2 {
		t.Errorf("view: %+v", view)
	}

	if got := i.run("", "client", "show", "nobody"); got.code != 1 || !strings.Contains(got.stderr, `client "nobody": not found; idp client list shows all`) {
		t.Errorf("an unknown client: %+v", got)
	}

	if got := i.run("", "client", "show"); got.code != 1 || !strings.Contains(got.stderr, "takes one argument, the client_id") {
		t.Errorf("no client: %+v", got)
	}
}

func TestClientShowOfAMachine(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.run("clients: [{client_id: orders, grant_types: [client_credentials], introspection: true, access_token_format: jwt, access_token_audience: api}]", "apply", "-f", "-")

	show := strings.Join(strings.Fields(i.run("", "client", "show", "orders").stdout), " ")
	for _, want := range []string{
		"response_types none grant_types client_credentials token_endpoint_auth_method client_secret_basic client_secret set,",
		"access_token_format jwt access_token_audience api introspection of every client's access tokens",
	} {
		if !strings.Contains(show, want) {
			t.Errorf("want %q in\n%s", want, show)
		}
	}
}

func TestConsumerListIsPaged(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.run(brandYAML, "apply", "-f", "-")

	var page consumerPage

	decode(t, i.run("", "consumer", "list", "--limit", "1", "--json"), &page)

	if len(page.Consumers) != 1 || page.Consumers[0].Username != "amelia" || page.Next == "" {
		t.Fatalf("first page: %+v", page)
	}

	next := page.Next
	page = consumerPage{}
	decode(t, i.run("", "consumer", "list", "--limit", "1", "--after", next, "--json"), &page)

	if len(page.Consumers) != 1 || page.Consumers[0].Username != "rory" || page.Next != "" {
		t.Errorf("last page: %+v", page)
	}

	if got := i.run("", "consumer", "list", "--limit", "1"); !strings.Contains(got.stdout, "amelia@brand.example") || !strings.Contains(got.stdout, "More: --after "+next) {
		t.Errorf("list: %+v", got)
	}

	for _, flags := range [][]string{{"--limit", "0"}, {"--limit", "1001"}, {"--after", "x"}, {"--after", "-1"}} {
		if got := i.run("", append([]string{"consumer", "list"}, flags...)...); got.code != 1 || !strings.Contains(got.stderr, flags[0]+": must be") {
			t.Errorf("%v: %+v", flags, got)
		}
	}
}

func TestConsumerShow(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.run(brandYAML, "apply", "-f", "-")

	for _, name := range []string{"0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10", "AMELIA", "Amelia@Brand.example"} {
		var consumer map[string]json.RawMessage

		decode(t, i.run("", "consumer", "show", name, "--json"), &consumer)

		if string(consumer["sub"]) != `"0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10"` || string(consumer["has_password"]) != "true" {
			t.Errorf("%s: %s", name, consumer)
		}
	}

	got := i.run("", "consumer", "show", "amelia")
	if got.code != 0 || !strings.Contains(got.stdout, `"ctype": "vip"`) || strings.Contains(got.stdout, "argon2") {
		t.Errorf("show: %+v", got)
	}

	if got := i.run("", "consumer", "show", "nobody"); got.code != 1 || !strings.HasSuffix(got.stderr, "idp consumer list shows all\n") {
		t.Errorf("an unknown consumer: %+v", got)
	}
}

func TestConsumerSetPassword(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.run(brandYAML, "apply", "-f", "-")

	for _, test := range []struct {
		name, password, want string
		code                 int
	}{
		{"rory", "a new password\n", "The password is set", 0},
		{"rory", "no line break", "The password is set", 0},
		{"rory", "short\n", "must have at least 8 characters", 1},
		{"rory", "", "Error: standard input held no password\n", 1},
		{"rory", "\r\n", "Error: standard input held no password\n", 1},
		{"rory", strings.Repeat("a", 1025), "must have at most 1024 bytes", 1},
		{"nobody", "a new password\n", "there is no consumer", 1},
	} {
		got := i.run(test.password, "consumer", "set-password", test.name)
		if got.code != test.code || !strings.Contains(got.stdout+got.stderr, test.want) {
			t.Errorf("%s: %+v", test.name, got)
		}
	}

	var consumer consumerView

	decode(t, i.run("", "consumer", "show", "rory", "--json"), &consumer)

	if !consumer.HasPassword {
		t.Error("the password is not set")
	}
}
