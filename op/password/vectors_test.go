package password_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/password"
)

// made are the hashes of testdata/hashes.tsv.
func made(tb testing.TB) map[string]string {
	tb.Helper()
	table, err := os.ReadFile("testdata/hashes.tsv")
	if err != nil {
		tb.Fatal(err)
	}
	hashes := map[string]string{}
	for line := range strings.Lines(string(table)) {
		by, hash, _ := strings.Cut(strings.TrimSpace(line), "\t")
		hashes[by] = hash
	}
	return hashes
}

// notTaken are forms that others make, too, and that are refused by name.
var notTaken = []struct{ by, hash, reason string }{ //nolint:gochecknoglobals // a table
	{`mkpasswd -m gost-yescrypt -R 1 'correct horse'`, `$gy$j75$jXpCAIane3tamtFkLcc580$3t7sOSeQ7S87zk1d75v16mY8AiUir2Kh9iMzFnrY8A2`, `gost-yescrypt is refused`},
	{`mkpasswd -m md5 'correct horse'`, `$1$IRjL8wDx$Ww1JFNTkpcyB/J7moVCze/`, `MD5-crypt is refused`},
	{`openssl passwd -apr1 'correct horse'`, `$apr1$fmfjrbmA$XYF.aiZYaH/rU9ua04oV51`, `MD5-crypt is refused`},
	{`printf 'correct horse' | argon2 somesalt16bytes! -d -k 512 -t 3 -p 1 -l 24 -e`, `$argon2d$v=19$m=512,t=3,p=1$c29tZXNhbHQxNmJ5dGVzIQ$pLb0u004hwEwbyVtVIClEwHoWceIubcY`, `Argon2d is refused`},
}

// The table has hashes of "correct horse" that other implementations have made, of
// every form that is accepted: by the command of Debian 12, or the library, that
// stands before each.
func TestHashesOfOtherImplementations(t *testing.T) {
	t.Parallel()
	for by, hash := range made(t) {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			isMet(t, hash)
		})
	}
	for _, v := range notTaken {
		if err := password.Check(v.hash); err == nil || !strings.Contains(err.Error(), v.reason) || strings.Contains(err.Error(), v.hash[5:]) {
			t.Errorf("%s: %v, want that %s", v.by, err, v.reason)
		}
	}
}

// isMet expects a hash to be accepted, met by its password alone, and renewed.
func isMet(t *testing.T, hash string) {
	t.Helper()
	if err := password.Check(hash); err != nil {
		t.Fatalf("%s: %v", hash, err)
	}
	h := newHasher(t, quick())
	v := verify(t, h, hash, horse)
	if !v.OK || v.Rehash == "" || h.NeedsRehash(v.Rehash) || !verify(t, h, v.Rehash, horse).OK {
		t.Errorf("%s: %+v, want OK and a better hash", hash, v)
	}
	if verify(t, h, hash, "correct horsE").OK {
		t.Errorf("%s: a wrong password is right", hash)
	}
}

// makers are programs that make hashes anew, with salts of each run: one a line.
var makers = map[string][]string{ //nolint:gochecknoglobals // a table
	"node": {"-e", `
const { randomBytes, scryptSync, pbkdf2Sync } = require('crypto')
const b64 = bytes => bytes.toString('base64').replace(/=+$/, '')
for (const [ln, r, p] of [[10, 8, 1], [7, 3, 5]]) {
  const salt = randomBytes(16)
  console.log('$scrypt$ln=' + ln + ',r=' + r + ',p=' + p + '$' + b64(salt) + '$' + b64(scryptSync('correct horse', salt, 32, { N: 2 ** ln, r, p })))
}
for (const digest of ['sha1', 'sha256', 'sha512']) {
  const salt = randomBytes(24)
  console.log('$pbkdf2-' + digest + '$i=1234$' + b64(salt) + '$' + b64(pbkdf2Sync('correct horse', salt, 1234, 48, digest)))
}`},
	"python3": {"-W", "ignore", "-c", `
import base64, hashlib, os
b64 = lambda data: base64.b64encode(data).decode().rstrip('=')
salt = os.urandom(20)
print('$scrypt$ln=9,r=8,p=2$%s$%s' % (b64(salt), b64(hashlib.scrypt(b'correct horse', salt=salt, n=512, r=8, p=2, dklen=64))))
for digest in 'sha1', 'sha256', 'sha512':
    key = hashlib.pbkdf2_hmac(digest, b'correct horse', salt, 2345)
    print('$pbkdf2-%s$2345$%s$%s' % (digest, b64(salt).replace('+', '.'), b64(key).replace('+', '.')))
    if digest != 'sha512':
        print('pbkdf2_%s$2345$%s$%s' % (digest, salt.hex(), base64.b64encode(hashlib.pbkdf2_hmac(digest, b'correct horse', salt.hex().encode(), 2345)).decode()))
`},
	"openssl": {"passwd", "-6", horse},
	"php":     {"-r", `foreach ([4, 6] as $cost) echo password_hash('correct horse', PASSWORD_BCRYPT, ['cost' => $cost]), "\n"; echo crypt('correct horse', '$5$rounds=1500$' . bin2hex(random_bytes(8)));`},
}

// The programs that are on the machine make hashes anew.
func TestFreshHashesOfOtherImplementations(t *testing.T) {
	t.Parallel()
	for program, args := range makers {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(program)
			if err != nil {
				t.Skip(err)
			}
			out, err := exec.CommandContext(context.WithoutCancel(t.Context()), path, args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			for hash := range strings.Lines(string(out)) {
				isMet(t, strings.TrimSpace(hash))
			}
		})
	}
}
