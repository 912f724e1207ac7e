package keys_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

const correct = "correct horse"

// openssl runs the program in a folder and gives what it writes.
func openssl(t *testing.T, dir, args string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "openssl", strings.Fields(args)...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", args, err, stderr.String())
	}
	return out
}

// made is a folder with a private key of openssl's making, key.pem, its certificate and
// its password.
func keyOf(t *testing.T, genpkey string) (dir, public string) {
	t.Helper()
	dir = t.TempDir()
	openssl(t, dir, "genpkey "+genpkey+" -out key.pem")
	openssl(t, dir, "req -x509 -new -key key.pem -subj /CN=brand -days 2 -out cert.pem")
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte(correct+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, base64.StdEncoding.EncodeToString(openssl(t, dir, "pkey -in key.pem -pubout -outform DER"))
}

const (
	genRSA = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"
	genEC  = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
)

// privateJWK is the JWK of a PEM file.
func privateJWK(t *testing.T, dir string, change func(*jose.JSONWebKey)) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: "of-the-brand", Algorithm: keys.RS256, Use: "sig"}
	change(&jwk)
	document, err := json.Marshal(jwk)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestEveryFormOfAPrivateKeyIsRead reads what openssl writes.
func TestEveryFormOfAPrivateKeyIsRead(t *testing.T) {
	t.Parallel()
	_, keyring, _ := set(t)
	for gen, forms := range map[string][]string{
		genRSA: {
			"pkey -in key.pem", "pkey -in key.pem -outform DER", "pkey -in key.pem -text",
			"rsa -in key.pem -traditional", "rsa -in key.pem -traditional -outform DER",
			"pkcs8 -topk8 -in key.pem -passout file:pw", "pkcs8 -topk8 -in key.pem -passout file:pw -outform DER",
			"pkcs8 -topk8 -in key.pem -passout file:pw -v2 aes-128-cbc -v2prf hmacWithSHA1", "pkcs8 -topk8 -in key.pem -passout file:pw -scrypt",
			"pkcs12 -export -inkey key.pem -in cert.pem -passout file:pw", "pkcs12 -export -inkey key.pem -in cert.pem -passout file:pw -legacy",
		},
		genEC: {
			"pkey -in key.pem", "ec -in key.pem", "ec -in key.pem -outform DER", "pkcs8 -topk8 -in key.pem -passout file:pw",
			"pkcs12 -export -inkey key.pem -in cert.pem -passout file:pw",
		},
		"-algorithm ED25519": {"pkey -in key.pem", "pkey -in key.pem -outform DER", "pkcs8 -topk8 -in key.pem -passout file:pw"},
	} {
		dir, public := keyOf(t, gen)
		for _, form := range forms {
			asked := 0
			private, err := keys.ReadPrivate(openssl(t, dir, form), func() (string, error) {
				asked++
				return correct, nil
			})
			if err != nil || asked > 1 || (asked == 1) != strings.Contains(form, "file:pw") {
				t.Errorf("%s: %v, asked %d times", form, err, asked)
				continue
			}
			row, err := private.Seal(keyring, private.FirstAlg(), "")
			if err != nil {
				t.Errorf("%s: %v", form, err)
				continue
			}
			if line, err := keys.OneLine(row.PublicJWK); err != nil || line != public {
				t.Errorf("%s: %v: another public key", form, err)
			}
			row.ClientID = 9
			all := keys.NewSet([]*storage.SigningKey{row}, keyring, nil, nil)
			wantNoFaults(t, all)
			signer, err := all.Signer(9, row.Alg, 0)
			if err != nil {
				t.Fatal(err)
			}
			if token, err := signer.Sign([]byte(`{}`)); err != nil {
				t.Errorf("%s: %v", form, err)
			} else if _, err := all.Verify(token); err != nil {
				t.Errorf("%s: %v", form, err)
			}
		}
	}
}

func TestJWKKeepsItsKid(t *testing.T) {
	t.Parallel()
	_, keyring, _ := set(t)
	dir, public := keyOf(t, genRSA)
	document := privateJWK(t, dir, func(*jose.JSONWebKey) {})
	for _, data := range [][]byte{document, []byte(`{"keys":[` + string(document) + `]}`)} {
		private, err := keys.ReadPrivate(data, noPassword)
		if err != nil {
			t.Fatal(err)
		}
		row, err := private.Seal(keyring, keys.PS256, private.Kid)
		if err != nil {
			t.Fatal(err)
		}
		if line, err := keys.OneLine(row.PublicJWK); err != nil || line != public || row.Kid != "of-the-brand" || private.Alg != keys.RS256 ||
			!bytes.Contains(row.PublicJWK, []byte(`"kid":"of-the-brand"`)) || bytes.Contains(row.PublicJWK, []byte(`"d"`)) {
			t.Errorf("%v: %s", err, row.PublicJWK)
		}
	}
}

var errNoPassword = errors.New("asked for a password")

func noPassword() (string, error) { return "", errNoPassword }

func TestWhatIsNoPrivateKeyIsRefused(t *testing.T) {
	t.Parallel()
	_, keyring, _ := set(t)
	dir, _ := keyOf(t, genRSA)
	weak, _ := keyOf(t, "-algorithm RSA -pkeyopt rsa_keygen_bits:1024")
	ec, _ := keyOf(t, genEC)
	curve, _ := keyOf(t, "-algorithm EC -pkeyopt ec_paramgen_curve:P-384")
	for name, row := range map[string]struct {
		data  []byte
		wants string
	}{
		"public":            {openssl(t, dir, "pkey -in key.pem -pubout"), "the public half alone"},
		"public DER":        {openssl(t, dir, "pkey -in key.pem -pubout -outform DER"), "the public half alone"},
		"certificate":       {openssl(t, dir, "x509 -in cert.pem"), "the public half alone"},
		"public JWK":        {privateJWK(t, dir, func(k *jose.JSONWebKey) { *k = k.Public() }), "the public half alone"},
		"for encryption":    {privateJWK(t, dir, func(k *jose.JSONWebKey) { k.Use = "enc" }), "must have use sig"},
		"kid with a blank":  {privateJWK(t, dir, func(k *jose.JSONWebKey) { k.KeyID = "a b" }), "must have a kid of 1 to 255"},
		"symmetric":         {[]byte(`{"kty":"oct","k":"c2VjcmV0c2VjcmV0"}`), "must be an RSA, EC or Ed25519 key"},
		"two keys":          {[]byte(`{"keys":[{},{}]}`), "must be one JWK"},
		"broken JWK":        {[]byte(`{"kty":"RSA","d":"AQAB"}`), "must be a private JWK"},
		"1024 bits":         {openssl(t, weak, "pkey -in key.pem"), "must be an RSA key of 2048 to 8192 bits"},
		"wrong password":    {openssl(t, dir, "pkcs8 -topk8 -in key.pem -passout pass:other"), "does not open with this password"},
		"PKCS #12":          {openssl(t, dir, "pkcs12 -export -inkey key.pem -in cert.pem -passout pass:other"), "does not open with this password"},
		"legacy encryption": {openssl(t, dir, "rsa -in key.pem -traditional -aes256 -passout pass:x"), "openssl pkcs8 -topk8"},
		"P-384":             {openssl(t, curve, "pkey -in key.pem"), "must be a key for RS256"},
		"EC for RS256":      {openssl(t, ec, "pkey -in key.pem"), "must be a key for RS256"},
		"text":              {[]byte("it is under the mat"), "must be a private key"},
		"nothing":           {nil, "must be a private key"},
		"halves of two":     {twoHalves(t), "must have halves that belong together"},
		"other encryption":  {openssl(t, dir, "pkcs8 -topk8 -in key.pem -passout file:pw -v2prf hmacWithSHA512"), "is encrypted in a way that is not known here"},
	} {
		private, err := keys.ReadPrivate(row.data, func() (string, error) { return correct, nil })
		if err == nil {
			_, err = private.Seal(keyring, keys.RS256, private.Kid)
		}
		if err == nil || !strings.Contains(err.Error(), row.wants) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keys.ReadPrivate(openssl(t, dir, "pkcs8 -topk8 -in key.pem -passout file:pw"), noPassword); !errors.Is(err, errNoPassword) {
		t.Errorf("without a password: %v", err)
	}
}

// twoHalves is a private key whose public half is another's.
func twoHalves(t *testing.T) []byte {
	t.Helper()
	var halves [2]map[string]string
	for i := range halves {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		document, err := json.Marshal(jose.JSONWebKey{Key: key})
		if err == nil {
			err = json.Unmarshal(document, &halves[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	halves[0]["d"] = halves[1]["d"]
	document, err := json.Marshal(halves[0])
	if err != nil {
		t.Fatal(err)
	}
	return document
}
