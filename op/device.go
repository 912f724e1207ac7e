package op

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/brandidp/idp/op/seal"
)

// deviceLifetime is how long a browser counts as known after a sign-in: the
// longest that browsers keep a cookie.
const deviceLifetime = 400 * 24 * time.Hour

// device is what the cookie of a browser that has signed in before says. It
// names one account, helps only there, and dies when the password changes; its
// failures are counted in the database.
type device struct {
	ID                string    `json:"d"`
	ConsumerID        int64     `json:"c"`
	PasswordChangedAt time.Time `json:"p"`
}

func (p *Provider) deviceCookie() http.Cookie {
	cookie := http.Cookie{ //nolint:gosec // not Secure for an http issuer on loopback alone
		Name: "idp_device", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(deviceLifetime.Seconds()),
	}
	if strings.HasPrefix(p.opts.Issuer, "https:") {
		cookie.Name, cookie.Secure = "__Host-idp_device", true
	}
	return cookie
}

func (p *Provider) knownDevice(r *http.Request) *device {
	cookie, err := r.Cookie(p.deviceCookie().Name)
	if err != nil {
		return nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return nil
	}
	plaintext, err := p.opts.Keyring.Open(seal.Devices, sealed, p.opts.Issuer)
	if err != nil {
		return nil
	}
	var d device
	if json.Unmarshal(plaintext, &d) != nil {
		return nil
	}
	return &d
}

// rememberDevice sets the cookie after a sign-in. A device that is known keeps
// its id, and so its count.
func (p *Provider) rememberDevice(w http.ResponseWriter, r *http.Request, a attempt) {
	d := device{ID: a.device, ConsumerID: a.consumer.ID, PasswordChangedAt: a.consumer.PasswordChangedAt}
	if d.ID == "" {
		random := make([]byte, 16)
		if _, err := io.ReadFull(p.opts.Rand, random); err != nil {
			return
		}
		d.ID = base64.RawURLEncoding.EncodeToString(random)
	}
	plaintext, err := json.Marshal(d)
	if err != nil {
		return
	}
	sealed, err := p.opts.Keyring.Seal(seal.Devices, plaintext, p.opts.Issuer)
	if err != nil {
		p.opts.Log.WarnContext(r.Context(), "device not remembered", "error", err)
		return
	}
	cookie := p.deviceCookie() //nolint:gosec // not Secure for an http issuer on loopback alone
	cookie.Value = base64.RawURLEncoding.EncodeToString(sealed)
	http.SetCookie(w, &cookie)
}
