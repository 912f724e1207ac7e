package brandfile

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/brandidp/idp/storage"
)

// ClientWrite is on which condition one client is written, and how it is told.
type ClientWrite struct {
	// Guard looks in the transaction at the client as it is, nil if there is none. Its
	// error is why nothing is changed.
	Guard func(there *storage.Client) error
	// Audit is the event that tells of it. What has changed is filled in here, with
	// secrets masked.
	Audit storage.AuditEvent
}

// ClientResult is what has become of one client.
type ClientResult struct {
	Client  *storage.Client
	Created bool
	// Secret is the one that was made, "" if none was. It is kept nowhere else.
	Secret string
}

// ApplyClient is Apply of one client: it is made, or becomes what the entry says. Its
// errors are those of Apply, but that the fields of Faults are paths within the client.
func ApplyClient(ctx context.Context, store *storage.Store, entry *ClientEntry, write ClientWrite, makers Makers) (*ClientResult, error) {
	var result ClientResult
	clientID := entry.Client().ClientID
	applied, err := Apply(ctx, store, entry.file, Changes{
		Audit: write.Audit,
		guard: func(existing map[string]*storage.Client) error { return write.Guard(existing[clientID]) },
		done: func(p *plan) {
			result.Client = p.clients[0].row
			result.Created = p.clients[0].change.Action == Create
		},
	}, makers)
	if faults, refused := errors.AsType[Faults](err); refused {
		return nil, within(faults, oneClient)
	}
	if err != nil {
		return nil, err
	}
	for _, made := range applied.Secrets {
		result.Secret = made.ClientSecret
	}
	return &result, nil
}

// DeleteClient removes a client with its keys, codes and tokens, as Apply does with
// Prune. It is storage.ErrNotFound if there is none.
func DeleteClient(ctx context.Context, store *storage.Store, clientID string, write ClientWrite) error {
	err := store.Administer(ctx, func(tx *storage.Tx) error {
		there, err := tx.Client(ctx, clientID)
		if err != nil {
			return err
		}
		if err := write.Guard(there); err != nil {
			return err
		}
		fields, err := clientFields(there)
		if err != nil {
			return err
		}
		if err := tx.DeleteClient(ctx, there.ID); err != nil {
			return err
		}
		return (&Change{Action: Delete, Fields: compare(fields, nil)}).tell(ctx, tx, write.Audit)
	})
	if err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	return nil
}

// ErrNoSecret says that a client proves who it is by other means than a secret, or not
// at all.
var ErrNoSecret = errors.New("a client without a secret")

// SetSecret has a client's secret be another from now on: what it was before is not
// taken any more. It is storage.ErrNotFound if there is no such client, and ErrNoSecret
// if it has no use for one.
func SetSecret(ctx context.Context, store *storage.Store, clientID, secret string, write ClientWrite, claim *storage.Claim) error {
	err := store.AdministerOnce(ctx, claim, func(tx *storage.Tx) error {
		there, err := tx.Client(ctx, clientID)
		if err != nil {
			return err
		}
		if err := write.Guard(there); err != nil {
			return err
		}
		if there.Public() || there.TokenEndpointAuthMethod == storage.AuthPrivateKeyJWT {
			return ErrNoSecret
		}
		change := Change{Action: Update, Fields: []FieldChange{secretChange("client_secret", there.SecretSHA256 != nil)}}
		sum := sha256.Sum256([]byte(secret))
		there.SecretSHA256 = sum[:]
		if err := tx.UpdateClient(ctx, there); err != nil {
			return err
		}
		return change.tell(ctx, tx, write.Audit)
	})
	if err != nil {
		return fmt.Errorf("set client secret: %w", err)
	}
	return nil
}

// NewSecret makes 256 random bits in characters that are safe in a URL.
func NewSecret(rand io.Reader) (string, error) {
	bits := make([]byte, sha256.Size)
	if _, err := io.ReadFull(rand, bits); err != nil {
		return "", fmt.Errorf("make a client secret: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(bits), nil
}
