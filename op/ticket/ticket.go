// Package ticket owns the sealed authorization request that travels with the
// browser, and the cookie that binds it there. A ticket holds the request and
// nothing that was decided: who is signed in, and what they agreed to, comes
// from the session. It lives in a hidden field of a page, never in a cookie and
// never in an address, and nothing of it is stored; but where the browser goes on to
// the brand's own login, which takes no form of ours, it lies sealed in a row, bound
// to that row and browser.
package ticket

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/brandidp/idp/op/seal"
)

// Lifetime is how long a person may take over a sign-in page.
const Lifetime = time.Hour

// MaxSize is the size in bytes above which a ticket is not even decoded: room for
// a request whose every parameter is as long as it may be.
const MaxSize = 96 << 10

// ErrInvalid means that a ticket is too old, from another browser or issuer, or
// not a ticket.
var ErrInvalid = errors.New("ticket does not open in this browser")

// Sealer seals and opens tickets.
type Sealer struct {
	keyring  *seal.Keyring
	issuer   string
	proofKey []byte
	now      func() time.Time
	rand     io.Reader
	cookie   http.Cookie
}

// NewSealer makes a Sealer for one issuer. Over https the binding cookie bears
// the __Host- prefix, so that no other host can set it.
func NewSealer(keyring *seal.Keyring, issuer string, secure bool, now func() time.Time, rand io.Reader) (*Sealer, error) {
	proofKey, err := keyring.Derive(seal.Proofs, "page proofs")
	if err != nil {
		return nil, fmt.Errorf("prepare tickets: %w", err)
	}
	cookie := http.Cookie{ //nolint:gosec // not Secure for an http issuer on loopback alone
		Name: "idp_binding", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure,
	}
	if secure {
		cookie.Name = "__Host-idp_binding"
	}
	return &Sealer{keyring: keyring, issuer: issuer, proofKey: proofKey, now: now, rand: rand, cookie: cookie}, nil
}

// envelope is what is sealed.
type envelope struct {
	SealedAt int64           `json:"t"` // milliseconds
	Request  json.RawMessage `json:"r"`
}

// Seal gives the ticket of a request, bound to the browser; the binding cookie
// is set when the browser has none.
func (s *Sealer) Seal(w http.ResponseWriter, r *http.Request, request any) (string, error) {
	binding, err := s.bind(w, r)
	if err != nil {
		return "", err
	}
	sealed, err := s.seal(request, hashOf(binding))
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func (s *Sealer) seal(request any, boundTo ...string) ([]byte, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("seal ticket: %w", err)
	}
	plaintext, err := json.Marshal(envelope{SealedAt: s.now().UnixMilli(), Request: body})
	if err != nil {
		return nil, fmt.Errorf("seal ticket: %w", err)
	}
	sealed, err := s.keyring.Seal(seal.Tickets, plaintext, append([]string{s.issuer}, boundTo...)...)
	if err != nil {
		return nil, fmt.Errorf("seal ticket: %w", err)
	}
	return sealed, nil
}

// SealRow is Seal for a request that is kept in a row, which table and key name, and
// that goes on in the browser of a binding: that of Bind, BindingOf or Rebind.
func (s *Sealer) SealRow(binding []byte, request any, table string, key []byte) ([]byte, error) {
	return s.seal(request, string(binding), table, string(key))
}

// OpenRow reads what SealRow has sealed.
func (s *Sealer) OpenRow(binding, sealed []byte, request any, table string, key []byte) error {
	return s.open(sealed, request, string(binding), table, string(key))
}

// Bind gives the hash of the browser's binding, which the browser gets if it has none.
func (s *Sealer) Bind(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	binding, err := s.bind(w, r)
	return []byte(hashOf(binding)), err
}

// BindingOf gives the hash of the browser's binding, nil if it has none.
func (s *Sealer) BindingOf(r *http.Request) []byte {
	binding := s.binding(r)
	if binding == "" {
		return nil
	}
	return []byte(hashOf(binding))
}

// Open reads the request of a ticket in the browser that it was sealed for.
func (s *Sealer) Open(r *http.Request, ticket string, request any) error {
	binding := s.binding(r)
	if binding == "" || len(ticket) > MaxSize {
		return ErrInvalid
	}
	sealed, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil {
		return ErrInvalid
	}
	return s.open(sealed, request, hashOf(binding))
}

func (s *Sealer) open(sealed []byte, request any, boundTo ...string) error {
	plaintext, err := s.keyring.Open(seal.Tickets, sealed, append([]string{s.issuer}, boundTo...)...)
	if err != nil {
		return ErrInvalid
	}
	var opened envelope
	if err := json.Unmarshal(plaintext, &opened); err != nil {
		return fmt.Errorf("open ticket: %w", err)
	}
	age := s.now().Sub(time.UnixMilli(opened.SealedAt))
	if age > Lifetime || age < -Lifetime {
		return ErrInvalid
	}
	if err := json.Unmarshal(opened.Request, request); err != nil {
		return fmt.Errorf("open ticket: %w", err)
	}
	return nil
}

// Proof is a MAC over what a page asked a person: the form brings it back, and
// an answer to anything else does not match. The parts name the kind of page,
// the session, the consumer, the client, and what is at stake.
func (s *Sealer) Proof(parts ...string) string {
	mac := hmac.New(sha256.New, s.proofKey)
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		mac.Write(sum[:])
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Proves tells whether proof is the Proof of the parts.
func (s *Sealer) Proves(proof string, parts ...string) bool {
	return subtle.ConstantTimeCompare([]byte(proof), []byte(s.Proof(parts...))) == 1
}

// Rebind gives the browser another binding, so that every form from before
// dies, and gives its hash. It is done at sign-out.
func (s *Sealer) Rebind(w http.ResponseWriter) ([]byte, error) {
	binding, err := s.newBinding(w)
	return []byte(hashOf(binding)), err
}

// BindingProof is a MAC that holds for this browser alone, for a form that has
// no ticket. The browser gets a binding if it has none.
func (s *Sealer) BindingProof(w http.ResponseWriter, r *http.Request, parts ...string) (string, error) {
	binding, err := s.bind(w, r)
	if err != nil {
		return "", err
	}
	return s.Proof(append(parts, binding)...), nil
}

// ProvesBinding tells whether proof is the BindingProof of the parts here.
func (s *Sealer) ProvesBinding(r *http.Request, proof string, parts ...string) bool {
	binding := s.binding(r)
	return binding != "" && s.Proves(proof, append(parts, binding)...)
}

const bindingLength = 43 // 32 bytes in base64url

func (s *Sealer) binding(r *http.Request) string {
	cookie, err := r.Cookie(s.cookie.Name)
	if err != nil || len(cookie.Value) != bindingLength {
		return ""
	}
	return cookie.Value
}

func (s *Sealer) bind(w http.ResponseWriter, r *http.Request) (string, error) {
	if binding := s.binding(r); binding != "" {
		return binding, nil
	}
	return s.newBinding(w)
}

func (s *Sealer) newBinding(w http.ResponseWriter) (string, error) {
	random := make([]byte, 32)
	if _, err := io.ReadFull(s.rand, random); err != nil {
		return "", fmt.Errorf("make binding: %w", err)
	}
	cookie := s.cookie //nolint:gosec // not Secure for an http issuer on loopback alone
	cookie.Value = base64.RawURLEncoding.EncodeToString(random)
	http.SetCookie(w, &cookie)
	return cookie.Value, nil
}

func hashOf(binding string) string {
	sum := sha256.Sum256([]byte(binding))
	return string(sum[:])
}
