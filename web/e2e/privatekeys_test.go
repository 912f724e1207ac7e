package e2e_test

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
	"github.com/brandidp/idp/web/webtest"
)

// privateKeys opens every signing key of a database by the master key beside it.
func privateKeys(t *testing.T, url, dataDir string) (all []*webtest.PrivateKey) {
	t.Helper()
	store, err := storage.Open(t.Context(), storage.Options{URL: url, MaxConnections: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	opened, err := seal.Inspect(t.Context(), store, seal.MasterKeyFile(filepath.Join(dataDir, "master.key")), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		der, err := opened.Open(seal.SigningKeys, row.PrivateSealed, "signing_keys", row.Kid)
		if err != nil {
			t.Fatal(err)
		}
		key, err := webtest.NewPrivateKey(der)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key)
	}
	return all
}

// TestPrivateKeysAreNowhere: a backup of the database, the log at its most talkative and
// whatever commands print hold no private key in any form. Answers and logs of the
// other tests are searched by package webtest.
func TestPrivateKeysAreNowhere(t *testing.T) {
	t.Parallel()
	database := storagetest.New(t)
	s := serveAt(t, t.TempDir(), append([]string{"--database-url", database, "--log-level", "debug"}, cheapHashing...)...)
	s.Apply(clients + crowd(1))
	p := member(s.Issuer, 0)
	said := map[string]string{}
	for _, responseType := range []string{"code", "id_token", "id_token token"} {
		target, err := p.Return(t.Context(), params("client_id", "basic", "response_type", responseType, "scope", "openid", "nonce", "n", "redirect_uri", callback))
		if err != nil {
			t.Fatal(err)
		}
		said["answer of "+responseType] = target.String()
	}
	for _, path := range []string{"/jwks.json", "/jwks/messaging.json", "/.well-known/openid-configuration"} {
		answer, err := p.get(t.Context(), s.Issuer+path)
		if err != nil {
			t.Fatal(err)
		}
		said[path] = answer.Body
	}
	for _, command := range []string{
		"key create --alg ES256", "key create --alg EdDSA", "key create --client messaging", "key list --json --all", "key export --format jwks",
		"key export --client messaging --format one-line", "data-key renew", "data-key list --json", "webhook secret", "doctor --json",
		"client show messaging --json", "connector settings messaging --json", "config --json", "key rewrap --to-file " + filepath.Join(s.DataDir, "next.key"),
	} {
		out, err := s.Run("", strings.Fields(command)...)
		if err != nil {
			t.Fatalf("idp %s: %v\n%s", command, err, out)
		}
		said["idp "+command] = out
	}
	keys := privateKeys(t, database, s.DataDir)
	if len(keys) < 5 {
		t.Errorf("only %d private keys", len(keys))
	}
	said["backup"], said["log"] = dump(t, database), s.Log()
	if !strings.Contains(said["backup"], "signing_keys") || !strings.Contains(said["log"], "msg=ready") {
		t.Error("backup or log are not what they should be")
	}
	for where, text := range said {
		for _, key := range keys {
			if key.In([]byte(text)) {
				t.Errorf("a private key is in: %s", where)
			}
		}
	}
}
