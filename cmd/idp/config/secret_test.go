package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/brandidp/idp/cmd/idp/config"
)

const (
	databaseURL = "postgres://idp:hunter2@db.example:5432/idp"
	masterKey   = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
)

func TestSecretForms(t *testing.T) {
	t.Parallel()

	file := write(t, "database-url", databaseURL+"\n")
	tests := map[string]struct {
		in     config.Inputs
		source string
	}{
		"variable":         {inputs(t, "", []string{"IDP_DATABASE_URL=" + databaseURL}), "IDP_DATABASE_URL"},
		"flag":             {inputs(t, "", nil, "--database-url", databaseURL), "--database-url"},
		"key":              {inputs(t, "database: {url: '"+databaseURL+"'}", nil), "idp.yaml:1"},
		"file by variable": {inputs(t, "", []string{"IDP_DATABASE_URL_FILE=" + file}), "IDP_DATABASE_URL_FILE"},
		"file by flag":     {inputs(t, "", nil, "--database-url-file", file), "--database-url-file"},
		"file by key":      {inputs(t, "database: {url_file: "+file+"}", nil), "idp.yaml:1"},
		"a file by variable over a key": {
			inputs(t, "database: {url: postgres://other}", []string{"IDP_DATABASE_URL_FILE=" + file}), "IDP_DATABASE_URL_FILE",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := load(t, test.in)
			if got := string(c.Database.URL); got != databaseURL {
				t.Errorf("database.url = %s, want %s", got, databaseURL)
			}

			if c.Database.DirectURL != c.Database.URL {
				t.Error("database.direct_url is not database.url by default")
			}

			s := setting(t, c, "database.url")
			if s.Value != "********" || !strings.HasSuffix(s.Source, test.source) {
				t.Errorf("setting = %+v, want a mask from %s", s, test.source)
			}
		})
	}
}

func TestMasterKeyIsDecoded(t *testing.T) {
	t.Parallel()

	for _, text := range []string{masterKey, strings.TrimRight(masterKey, "=")} {
		c := load(t, inputs(t, "", []string{"IDP_MASTER_KEY=" + text}))
		if got := string(c.MasterKey); got != "01234567890123456789012345678901" {
			t.Errorf("master key = %q", got)
		}
	}
}

func TestSecretFaults(t *testing.T) {
	t.Parallel()

	file := write(t, "secret", databaseURL)
	empty := write(t, "empty", "\n")
	long := write(t, "long", strings.Repeat("hunter2", 10000))
	connection := "must be a PostgreSQL connection string"
	tests := map[string]struct {
		in   config.Inputs
		want string
	}{
		"both variables": {
			inputs(t, "", []string{"IDP_DATABASE_URL=" + databaseURL, "IDP_DATABASE_URL_FILE=" + file}),
			"IDP_DATABASE_URL: database.url: must be given once, and IDP_DATABASE_URL_FILE gives the file of it too",
		},
		"both keys": {
			inputs(t, "database:\n  url: "+databaseURL+"\n  url_file: "+file, nil),
			"idp.yaml:2: database.url: must be given once, and idp.yaml:3 gives the file of it too",
		},
		"both flags": {
			inputs(t, "", nil, "--database-url", databaseURL, "--database-url-file", file),
			"--database-url: database.url: must be given once, and --database-url-file gives the file of it too",
		},
		"no such file": {
			inputs(t, "", []string{"IDP_MASTER_KEY_FILE=/nowhere/key"}),
			"IDP_MASTER_KEY_FILE: master_key: must be a file that can be read: /nowhere/key: no such file or directory",
		},
		"empty file":     {inputs(t, "", nil, "--master-key-file", empty), "--master-key-file: master_key: must be in a file that is not empty"},
		"long file":      {inputs(t, "", nil, "--master-key-file", long), "--master-key-file: master_key: must be a file of at most 64 KiB"},
		"bad key":        {inputs(t, "", []string{"IDP_MASTER_KEY=hunter2"}), "IDP_MASTER_KEY: master_key: must be 32 bytes in base64"},
		"bad key's file": {inputs(t, "", nil, "--master-key-file", file), "--master-key-file: master_key: must be 32 bytes in base64"},
		"bad port":       {inputs(t, "", nil, "--database-url", "postgres://idp:hunter2/x@db.example/idp"), connection},
		"no address":     {inputs(t, "", nil, "--database-url", "hunter2"), connection},
		"bad escape":     {inputs(t, "", nil, "--database-url", "postgres://idp:hunter2%@db.example/idp"), connection},
		"certificate": {
			inputs(t, "", nil, "--database-url", databaseURL+"?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"),
			"names the file /nowhere/ca.pem, which cannot be read: no such file or directory",
		},
		"direct alone": {
			inputs(t, "", nil, "--database-direct-url", databaseURL),
			"--database-direct-url: database.direct_url: must come with database.url",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := faultOf(t, test.in)
			if !strings.Contains(got, test.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}

			if strings.Contains(got, "hunter2") {
				t.Errorf("the message quotes a secret: %s", got)
			}
		})
	}
}

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()

	c := load(t, inputs(t, "", []string{"IDP_DATABASE_URL=" + databaseURL, "IDP_MASTER_KEY=" + masterKey}))

	var log strings.Builder

	slog.New(slog.NewTextHandler(&log, nil)).Info("configuration", "config", c, "url", c.Database.URL)

	encoded, err := json.Marshal(map[string]any{"config": c})
	if err != nil {
		t.Fatal(err)
	}

	for _, text := range []string{
		log.String(), string(encoded), fmt.Sprint(*c), fmt.Sprintf("%+v %#v", *c, *c), fmt.Sprint(c.Settings()),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, masterKey) || strings.Contains(text, "0123456789") {
			t.Errorf("a secret is printed: %s", text)
		}
	}
}
