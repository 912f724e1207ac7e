package main

import (
	"fmt"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// encryptionKeyView is the key that a client's ID tokens are encrypted for, as
// far as a person compares it.
type encryptionKeyView struct {
	Kid string `json:"kid,omitempty"`
	// SHA256 is the fingerprint of the certificate, or of the key if there is none.
	SHA256 string `json:"sha256"`
	Bits   int    `json:"bits"`
	// NotAfter is the end of the certificate, nil without one.
	NotAfter *time.Time `json:"not_after,omitempty"`
}

// viewEncryptionKey gives the key, nil for a client whose ID tokens are only
// signed, and warnings about it.
func viewEncryptionKey(c *storage.Client) (*encryptionKeyView, []string, error) {
	if c.ConversationalCloud == nil || c.ConversationalCloud.EncryptionKey == nil {
		return nil, nil, nil
	}

	recipient, err := keys.ReadRecipient(c.ConversationalCloud.EncryptionKey)
	if err != nil {
		return nil, nil, fmt.Errorf("encryption key of client %q: %w", c.ClientID, err)
	}

	view := &encryptionKeyView{Kid: recipient.Kid, SHA256: recipient.Fingerprint(), Bits: recipient.Bits()}

	if !recipient.NotAfter.IsZero() {
		ends := recipient.NotAfter.UTC()
		view.NotAfter = &ends
	}

	return view, recipient.Warnings(time.Now()), nil
}

// String is the key in one line, "" for none.
func (v *encryptionKeyView) String() string {
	if v == nil {
		return ""
	}

	text := fmt.Sprintf("RSA, %d bits, SHA-256 %s", v.Bits, v.SHA256)

	if v.Kid != "" {
		text = "kid " + v.Kid + ", " + text
	}

	if v.NotAfter != nil {
		text += ", certificate until " + v.NotAfter.Format(time.DateOnly)
	}

	return text
}
