package brandfile_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/brandfile"
)

func TestClientSecretFile(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{"/etc/idp/rp.secret": strings.Repeat("s", 32) + "\r\n", "/abs": "short", "/etc/idp/empty": "\n"}
	opts := brandfile.Options{Issuer: issuer, ReadFile: func(name string) ([]byte, error) {
		secret, found := secrets[name]
		if !found {
			return nil, fmt.Errorf("open hunter2: %w", fs.ErrNotExist)
		}
		return []byte(secret), nil
	}}
	for name, want := range map[string]bool{"rp.secret": true, "/etc/idp/rp.secret": true, "/abs": false, "empty": false, "missing": false} {
		_, faults := brandfile.Parse("/etc/idp/brand.yaml", []byte(client("client_secret_file: "+name)), opts)
		if (faults == nil) != want || strings.Contains(faults.Error(), hunter2) {
			t.Errorf("%s: %v", name, faults)
		}
	}
}
