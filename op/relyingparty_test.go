package op_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// relyingParty verifies the ID tokens of one client by the keys that it has read, when
// it reads any, and each token once more shortly before its end.
type relyingParty struct {
	name, clientID string
	// sets are the addresses of the key set at each instance, which it reads in turn.
	sets []string
	// interval is how often it reads the key set anew, 0 for never by itself; byHeader
	// has it do so before it verifies, when what it has was kept for max-age; onUnknown
	// when it meets a kid that it does not know.
	interval            time.Duration
	byHeader, onUnknown bool
	// pasted is a key that it holds instead, whatever the kid.
	pasted *jose.JSONWebKey

	mu       sync.Mutex
	reads    int
	known    map[string]jose.JSONWebKey
	keptTill time.Time
	alive    []aliveToken
	verified map[string]int // by kid
	again    int
	refused  int
	first    error
}

// aliveToken is a token that was verified and has not ended.
type aliveToken struct {
	token string
	ends  time.Time
}

// lateBefore is how long before its end a token is verified once more.
const lateBefore = 1200 * time.Millisecond

// read reads the key set. Where an instance has none to give, it keeps what it has.
func (r *relyingParty) read() error {
	response, err := http.Get(r.sets[r.reads%len(r.sets)])
	r.reads++
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusServiceUnavailable {
		return err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return fmt.Errorf("status %d: %w", response.StatusCode, err)
	}
	r.known = map[string]jose.JSONWebKey{}
	for _, key := range set.Keys {
		r.known[key.KeyID] = key
	}
	_, age, _ := strings.Cut(response.Header.Get("Cache-Control"), "max-age=")
	seconds, err := strconv.Atoi(age)
	r.keptTill = time.Now().Add(time.Duration(seconds) * time.Second)
	return err
}

// keyOf is the key by which a token of a kid is verified.
func (r *relyingParty) keyOf(kid string) (any, error) {
	if r.pasted != nil {
		return r.pasted.Key, nil
	}
	_, found := r.known[kid]
	if r.byHeader && !time.Now().Before(r.keptTill) || r.onUnknown && !found {
		if err := r.read(); err != nil {
			return nil, err
		}
	}
	if key, found := r.known[kid]; found {
		return key.Key, nil
	}
	return nil, fmt.Errorf("the kid %s is not known", kid)
}

func (r *relyingParty) check(token string) (kid string, ends time.Time, err error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", time.Time{}, err
	}
	kid = jws.Signatures[0].Protected.KeyID
	key, err := r.keyOf(kid)
	if err != nil {
		return kid, time.Time{}, err
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return kid, time.Time{}, err
	}
	var claims struct {
		Expires int64 `json:"exp"`
	}
	err = json.Unmarshal(payload, &claims)
	return kid, time.Unix(claims.Expires, 0), err
}

// take verifies a token that has just come.
func (r *relyingParty) take(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kid, ends, err := r.check(token)
	if err != nil {
		r.refuse(fmt.Errorf("new: %w", err))
		return
	}
	r.verified[kid]++
	r.alive = append(r.alive, aliveToken{token, ends})
}

func (r *relyingParty) refuse(err error) {
	if r.refused++; r.first == nil {
		r.first = err
	}
}

// takeAgain verifies the tokens once more that are about to end.
func (r *relyingParty) takeAgain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.alive) > 0 && time.Until(r.alive[0].ends) < lateBefore {
		late := r.alive[0]
		r.alive = r.alive[1:]
		if !time.Now().Before(late.ends) {
			continue
		}
		if _, _, err := r.check(late.token); err != nil {
			r.refuse(fmt.Errorf("%v before its end: %w", time.Until(late.ends), err))
			continue
		}
		r.again++
	}
}

// run has it read and verify again until done.
func (r *relyingParty) run(done <-chan struct{}) {
	late := time.NewTicker(100 * time.Millisecond)
	defer late.Stop()
	var rereads <-chan time.Time
	if r.interval > 0 {
		ticker := time.NewTicker(r.interval)
		defer ticker.Stop()
		rereads = ticker.C
	}
	for {
		select {
		case <-done:
			return
		case <-late.C:
			r.takeAgain()
		case <-rereads:
			r.mu.Lock()
			if err := r.read(); err != nil {
				r.refuse(fmt.Errorf("read the key set: %w", err))
			}
			r.mu.Unlock()
		}
	}
}

// count is how many tokens of a kid it has taken.
func (r *relyingParty) count(kid string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.verified[kid]
}

// want checks that it has taken tokens of each kid, and refused so many.
func (r *relyingParty) want(t *testing.T, refusals bool, kids ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Logf("%s: took %v by kid, %d of them again before their end, and refused %d; read %d key sets", r.name, r.verified, r.again, r.refused, r.reads)
	if (r.refused > 0) != refusals {
		t.Errorf("%s refused %d tokens, the first: %v", r.name, r.refused, r.first)
	}
	for _, kid := range kids {
		if r.verified[kid] == 0 {
			t.Errorf("%s has taken no token of %s", r.name, kid)
		}
	}
}

// pastedKey reads a key as the connector's form has it.
func pastedKey(t *testing.T, line string) *jose.JSONWebKey {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return &jose.JSONWebKey{Key: key}
}
