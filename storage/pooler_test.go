package storage_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage"
)

// A pooler in transaction mode keeps no prepared statements, so that PostgreSQL has
// to guess what each value is.
func TestDocumentsBehindAPooler(t *testing.T) {
	t.Parallel()
	l := newLeaver(t, true)
	err := l.store.Administer(t.Context(), func(tx *storage.Tx) error {
		if err := tx.UpdateClient(t.Context(), &storage.Client{ID: l.clients[0], ClientID: "shop", ClientName: "Shop"}); err != nil {
			return err
		}
		l.consumer.Claims.GivenName = "Amelia"
		if err := tx.UpdateConsumer(t.Context(), l.consumer, nil); err != nil {
			return err
		}
		return tx.InsertSigningKey(t.Context(), &storage.SigningKey{
			Kid: "k", Alg: "RS256", State: "active", PublicJWK: []byte(`{"kty":"RSA"}`), PrivateSealed: []byte{0, 255},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := l.store.FindConsumer(t.Context(), l.consumer.Sub)
	if err != nil || consumer.Claims.GivenName != "Amelia" {
		t.Errorf("%+v, %v", consumer, err)
	}
	snapshot, err := l.store.ReadSnapshot(t.Context())
	if err != nil || snapshot.Clients[1].ClientName != "Shop" || len(snapshot.Keys) != 1 {
		t.Errorf("%+v, %v", snapshot, err)
	}
	conn, err := pgx.Connect(t.Context(), l.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // the test has its answer
	var absent bool
	if err := conn.QueryRow(t.Context(), "select personal_info is null and customer_info is null from consumers").Scan(&absent); err != nil || !absent {
		t.Errorf("what a consumer does not have is not null: %v", err)
	}
}
