package op

import (
	"context"
	"fmt"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// newEncrypters prepares the encryption of those clients' ID tokens that have a
// key for it, so that a token costs no more than its own encryption.
func newEncrypters(clients []*storage.Client) (map[int64]*keys.Encrypter, error) {
	var encrypters map[int64]*keys.Encrypter
	for _, client := range clients {
		if client.ConversationalCloud == nil || client.ConversationalCloud.EncryptionKey == nil {
			continue
		}
		recipient, err := keys.ReadRecipient(client.ConversationalCloud.EncryptionKey)
		if err != nil {
			return nil, fmt.Errorf("encryption key of client %s: %w", client.ClientID, err)
		}
		encrypter, err := keys.NewEncrypter(recipient, client.IDTokenEncryptedResponseEnc)
		if err != nil {
			return nil, fmt.Errorf("client %s: %w", client.ClientID, err)
		}
		if encrypters == nil {
			encrypters = map[int64]*keys.Encrypter{}
		}
		encrypters[client.ID] = encrypter
	}
	return encrypters, nil
}

// warnOfEncryptionKeys tells the log of relying parties' certificates that end
// soon: nobody else would notice before tokens are refused.
func (p *Provider) warnOfEncryptionKeys(ctx context.Context, v *view) {
	for id, encrypter := range v.encrypters {
		recipient := encrypter.Recipient
		if recipient.EndsSoon(p.opts.Now()) {
			p.opts.Log.WarnContext(ctx, "the certificate that a client's ID tokens are encrypted for ends soon or has ended: get the next one from its owner and apply it",
				"client_id", v.byID[id].ClientID, "kid", recipient.Kid, "not_after", recipient.NotAfter.UTC().Format(time.RFC3339))
		}
	}
}
