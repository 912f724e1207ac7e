package storage_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/storage"
)

func TestPasswordForms(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	argon2id := "$argon2id$v=19$m=19456,t=2,p=1"
	err := th.store.Administer(t.Context(), func(tx *storage.Tx) error {
		for i, hash := range []string{argon2id + "$one$key", argon2id + "$two$key", "$2b$12$y", "$2y$10$z", ""} {
			consumer := storage.Consumer{Username: fmt.Sprint("c", i), PasswordHash: hash, ManagedBy: "import"}
			if err := tx.InsertConsumer(t.Context(), &consumer, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	forms, err := th.store.PasswordForms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]bool)
	for _, form := range forms {
		got[form] = true
	}
	if diff := cmp.Diff(map[string]bool{argon2id: true, "$2b$12": true, "$2y$10": true}, got); diff != "" || len(forms) != 3 {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
}
